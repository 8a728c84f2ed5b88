/**
 * When each client has last asked for something.
 *
 * An HTTP/2 connection is sent bytes although nobody asks for anything: each
 * PING and each SETTINGS frame is acknowledged (RFC 9113, 6.5.3 and 6.7). So
 * what TCP tells of a connection does not tell that it is idle.
 *
 * The times are kept by the client's port alone: noting one takes a single
 * store, and no name has to be made for each request. Who shares a port with
 * another client, from another host, may be taken for busy when it is idle. All
 * threads of the process share the times.
 *
 * @module
 */

const PORTS = 65_536;

/** By port, in seconds since 1970; 0 where nobody asked. */
let times = new Uint32Array(
  new SharedArrayBuffer(PORTS * Uint32Array.BYTES_PER_ELEMENT),
);

/** Notes a request; `at` in ms since 1970. */
export function noteRequest(port: number, at: number): void {
  times[port] = at / 1000;
}

/** For how long no client at `port` has asked for anything (ms). */
export function sinceRequest(port: number): number {
  // Seconds are cut off: a request of this second was asked just now.
  return Math.max(0, Date.now() - 1000 * (times[port] + 1));
}

/** The times, for the other threads of the process. */
export function sharedRequestTimes(): SharedArrayBuffer {
  return times.buffer;
}

/** Has this thread use the times of another one, which shares them. */
export function useRequestTimes(shared: SharedArrayBuffer): void {
  times = new Uint32Array(shared);
}
