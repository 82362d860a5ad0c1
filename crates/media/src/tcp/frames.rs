//! Packets on a TCP connection: each behind its length, two bytes in network order (RFC 4571 section 2).

/// The longest packet that is taken from a connection, in bytes. ICE, DTLS and RTP stay below 1,500.
pub(crate) const PACKET_LEN_MAX: usize = 4_096;
/// How long the length in front of a packet is, in bytes.
const HEADER_LEN: usize = 2;

/// Cuts a stream of bytes into packets. Holds less than one packet and what was pushed last.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    bytes: Vec<u8>,
    /// How much of `bytes` was handed out.
    taken: usize,
}

/// A packet longer than [`PACKET_LEN_MAX`]: nobody speaks like that here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Deframer {
    /// Takes bytes as they came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole packet; `None` until more bytes are pushed. Empty packets say nothing and are passed over.
    pub(crate) fn next_packet(&mut self) -> Result<Option<&[u8]>, TooLong> {
        loop {
            let rest = self.bytes.get(self.taken..).unwrap_or_default();
            let Some((header, rest)) = rest.split_first_chunk::<HEADER_LEN>() else {
                return Ok(None);
            };
            let len = usize::from(u16::from_be_bytes(*header));
            if len > PACKET_LEN_MAX {
                return Err(TooLong);
            }
            if rest.len() < len {
                return Ok(None);
            }
            let start = self.taken + HEADER_LEN;
            self.taken = start + len;
            if len > 0 {
                return Ok(self.bytes.get(start..self.taken));
            }
        }
    }
}

/// Puts a packet behind others to be written. `false` when it is too long for its header; then nothing is put.
pub(crate) fn frame(packet: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(len) = u16::try_from(packet.len()) else {
        return false;
    };
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(packet);
    true
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn packets(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut deframer = Deframer::default();
        let mut packets = Vec::new();
        for piece in pieces {
            deframer.push(piece);
            while let Some(packet) = deframer.next_packet()? {
                packets.push(packet.to_vec());
            }
        }
        Ok(packets)
    }

    #[test]
    fn packets_are_cut_wherever_the_stream_was() {
        for (pieces, expected) in [
            (&[&[0, 2, 7, 8][..]][..], vec![vec![7, 8]]),
            (&[&[0], &[2], &[7], &[8]], vec![vec![7, 8]]),
            (&[&[0, 1, 7, 0, 1, 8, 0]], vec![vec![7], vec![8]]),
            (&[&[0, 0, 0, 0, 0, 1, 9]], vec![vec![9]]),
            (&[&[0, 3, 1, 2]], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(packets(pieces), Ok(expected), "{pieces:?}");
        }
    }

    #[test]
    fn a_packet_that_is_too_long_is_refused_before_it_comes() {
        let [high, low] = u16::try_from(PACKET_LEN_MAX + 1).unwrap().to_be_bytes();
        assert_eq!(packets(&[&[high, low]]), Err(TooLong));
        assert_eq!(packets(&[&[0, 1, 7, 255, 255]]), Err(TooLong));
        assert!(!frame(&vec![0; 65_536], &mut Vec::new()));
    }

    proptest! {
        #[test]
        fn what_is_framed_is_found_again(
            sent in vec(vec(any::<u8>(), 1..200), 0..20),
            cuts in vec(1_usize..50, 1..100),
        ) {
            let mut stream = Vec::new();
            for packet in &sent {
                prop_assert!(frame(packet, &mut stream));
            }
            let mut rest = stream.as_slice();
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle().take_while(|_| !stream.is_empty()) {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(packets(&pieces), Ok(sent));
        }

        #[test]
        fn no_bytes_break_it(pieces in vec(vec(any::<u8>(), 0..100), 0..20)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = packets(&pieces);
        }
    }
}
