/** Brings a browser to the server: on this machine, or by a QR code. */

import { log } from "../log/log.ts";
import { messageOf } from "../options/option_error.ts";

/** How each system opens a URL with the program for it. */
const OPENERS: Readonly<Record<string, readonly string[]>> = {
  darwin: ["open"],
  windows: ["cmd", "/c", "start", ""],
};

/** Opens `url` in a browser, or logs why that is impossible. */
export async function openBrowser(url: string): Promise<void> {
  const [command, ...args] = OPENERS[Deno.build.os] ?? ["xdg-open"];
  let why: string;
  try {
    const { success, code } = await new Deno.Command(command, {
      args: [...args, url],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) return;
    why = `${command} failed with code ${code}`;
  } catch (error) {
    why = error instanceof Deno.errors.NotFound
      ? `there is no program ${command}`
      : messageOf(error);
  }
  log.warn(`No browser was opened: ${why}. Open ${url}`);
}

/** `url` as a QR code for terminals, dark on light and light on dark. */
export async function qrCode(url: string): Promise<string> {
  const { renderUnicodeCompact } = await import("uqr");
  return `${renderUnicodeCompact(url, { border: 2 })}\n`;
}
