/** Entry of the bundle. The recorders must be in place before the package can open anything. */
import './sockets.mjs';
import './connections.mjs';
import * as device from './device.mjs';
import * as loopback from './loopback.mjs';

window.device = device;
window.loopback = loopback;
