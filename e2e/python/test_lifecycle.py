"""The unmodified PyPI package `bandwidth-sdk` as an application backend would use it, against a running server.

Where the server is and how to log in comes from CROSSPOINT_URL, _ACCOUNT, _USER, _PASSWORD and _OTHER_ACCOUNT.
"""

import os
import unittest
import uuid

from bandwidth.bandwidth_client import BandwidthClient
from bandwidth.configuration import Environment
from bandwidth.exceptions.api_exception import APIException
from bandwidth.webrtc.exceptions.error_exception import ErrorException
from bandwidth.webrtc.models.participant import Participant
from bandwidth.webrtc.models.participant_subscription import ParticipantSubscription
from bandwidth.webrtc.models.session import Session
from bandwidth.webrtc.models.subscriptions import Subscriptions

ACCOUNT = os.environ["CROSSPOINT_ACCOUNT"]
OTHER_ACCOUNT = os.environ["CROSSPOINT_OTHER_ACCOUNT"]


def sessions_api(password=os.environ["CROSSPOINT_PASSWORD"]):
    client = BandwidthClient(
        environment=Environment.CUSTOM,
        base_url=os.environ["CROSSPOINT_URL"] + "/v1",
        web_rtc_basic_auth_user_name=os.environ["CROSSPOINT_USER"],
        web_rtc_basic_auth_password=password,
        timeout=10,
    )
    return client.web_rtc_client.client


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.api = sessions_api()
        self.session = self.api.create_session(ACCOUNT, Session(tag="hearing")).body.id

    def participant(self, **fields):
        return self.api.create_participant(ACCOUNT, Participant(**fields)).body.participant.id

    def members(self):
        return [member.id for member in self.api.list_session_participants(ACCOUNT, self.session).body]

    def subscriptions(self, participant):
        return self.api.get_participant_subscriptions(ACCOUNT, self.session, participant).body

    def assert_refused(self, status, exception, call, *arguments):
        with self.assertRaises(APIException) as refusal:
            call(*arguments)
        self.assertIs(type(refusal.exception), exception)
        self.assertEqual(refusal.exception.response_code, status)

    def test_session_is_created_read_and_deleted(self):
        session = self.api.get_session(ACCOUNT, self.session).body
        self.assertEqual((session.id, session.tag), (self.session, "hearing"))
        self.assertEqual(self.api.delete_session(ACCOUNT, self.session).status_code, 204)
        self.assert_refused(404, APIException, self.api.get_session, ACCOUNT, self.session)

    def test_session_without_a_body_has_no_tag(self):
        session = self.api.create_session(ACCOUNT).body
        self.assertIsNone(self.api.get_session(ACCOUNT, session.id).body.tag)

    def test_participant_is_created_with_token_and_version(self):
        created = self.api.create_participant(
            ACCOUNT,
            Participant(
                publish_permissions=["AUDIO", "VIDEO"],
                tag="witness",
                callback_url="https://example.com/callback",
                device_api_version="V3",
            ),
        ).body
        self.assertEqual(created.token.count("."), 2)
        participant = self.api.get_participant(ACCOUNT, created.participant.id).body
        self.assertEqual(participant.id, created.participant.id)
        self.assertCountEqual(participant.publish_permissions, ["AUDIO", "VIDEO"])
        self.assertEqual(participant.tag, "witness")
        self.assertEqual(participant.callback_url, "https://example.com/callback")
        self.assertEqual(participant.sessions, [])
        self.assertEqual(participant.device_api_version, "V3")

    def test_default_version_v2_of_this_sdk_is_accepted_and_answered_with_v3(self):
        self.assertEqual(Participant().device_api_version, "V2")
        participant = self.api.create_participant(ACCOUNT, Participant()).body.participant
        self.assertEqual(participant.device_api_version, "V3")

    def test_participants_are_added_listed_and_removed(self):
        first, second = self.participant(), self.participant()
        self.assertEqual(self.members(), [])
        self.assertEqual(self.api.add_participant_to_session(ACCOUNT, self.session, first).status_code, 204)
        everyone = Subscriptions(session_id=self.session)
        self.api.add_participant_to_session(ACCOUNT, self.session, second, everyone)
        self.assertEqual(self.members(), [first, second])
        self.assertEqual(self.api.get_participant(ACCOUNT, first).body.sessions, [self.session])
        self.assertIsNone(self.subscriptions(first).session_id)
        self.assertEqual(self.subscriptions(second).session_id, self.session)

        self.assertEqual(self.api.remove_participant_from_session(ACCOUNT, self.session, second).status_code, 204)
        self.assertEqual(self.members(), [first])
        self.assert_refused(
            404, APIException, self.api.remove_participant_from_session, ACCOUNT, self.session, second
        )

    def test_subscriptions_are_replaced_read_and_cleared(self):
        first, second = self.participant(), self.participant()
        for participant in (first, second):
            self.api.add_participant_to_session(ACCOUNT, self.session, participant)
        update = self.api.update_participant_subscriptions

        explicit = Subscriptions(session_id=self.session, participants=[ParticipantSubscription(second)])
        self.assertEqual(update(ACCOUNT, self.session, first, explicit).status_code, 204)
        read = self.subscriptions(first)
        self.assertEqual(read.session_id, self.session)
        self.assertEqual([entry.participant_id for entry in read.participants], [second])

        update(ACCOUNT, self.session, first, Subscriptions(session_id=self.session))
        read = self.subscriptions(first)
        self.assertEqual((read.session_id, read.participants), (self.session, None))

        update(ACCOUNT, self.session, first)
        read = self.subscriptions(first)
        self.assertEqual((read.session_id, read.participants), (None, None))

    def test_bad_subscriptions_are_refused(self):
        participant = self.participant()
        self.api.add_participant_to_session(ACCOUNT, self.session, participant)
        update = self.api.update_participant_subscriptions
        stranger = Subscriptions(participants=[ParticipantSubscription(str(uuid.uuid4()))])
        self.assert_refused(400, APIException, update, ACCOUNT, self.session, participant, stranger)
        elsewhere = Subscriptions(session_id=str(uuid.uuid4()))
        self.assert_refused(400, APIException, update, ACCOUNT, self.session, participant, elsewhere)

    def test_second_session_is_a_conflict_until_the_first_is_left(self):
        participant = self.participant()
        other_session = self.api.create_session(ACCOUNT).body.id
        add = self.api.add_participant_to_session
        add(ACCOUNT, self.session, participant)
        self.assert_refused(409, ErrorException, add, ACCOUNT, other_session, participant)
        self.api.remove_participant_from_session(ACCOUNT, self.session, participant)
        self.assertEqual(add(ACCOUNT, other_session, participant).status_code, 204)

    def test_deleted_participant_is_gone(self):
        participant = self.participant()
        self.api.add_participant_to_session(ACCOUNT, self.session, participant)
        self.assertEqual(self.api.delete_participant(ACCOUNT, participant).status_code, 204)
        self.assert_refused(404, APIException, self.api.get_participant, ACCOUNT, participant)
        self.assert_refused(404, APIException, self.api.delete_participant, ACCOUNT, participant)
        self.assertEqual(self.members(), [])

    def test_unknown_ids_are_not_found(self):
        participant, nobody, nowhere = self.participant(), str(uuid.uuid4()), "not-a-uuid"
        add = self.api.add_participant_to_session
        self.assert_refused(404, APIException, self.api.get_session, ACCOUNT, nowhere)
        self.assert_refused(404, APIException, self.api.get_participant, ACCOUNT, nobody)
        self.assert_refused(404, APIException, add, ACCOUNT, nowhere, participant)
        self.assert_refused(404, APIException, add, ACCOUNT, self.session, nobody)
        self.assert_refused(
            404, APIException, self.api.get_participant_subscriptions, ACCOUNT, self.session, participant
        )

    def test_wrong_password_and_foreign_account_are_unauthorized(self):
        self.assert_refused(401, APIException, sessions_api("wrong").get_session, ACCOUNT, self.session)
        self.assert_refused(401, APIException, self.api.get_session, OTHER_ACCOUNT, self.session)

    def test_tag_that_is_too_long_is_refused(self):
        self.assert_refused(400, APIException, self.api.create_session, ACCOUNT, Session(tag="x" * 51))


if __name__ == "__main__":
    unittest.main()
