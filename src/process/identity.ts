/**
 * `--user` and `--group`.
 *
 * @module
 */

import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";
import type { Settings } from "../options/settings.ts";
import { findGroup, findUser } from "../system/accounts.ts";
import type { Identity } from "../system/privileges.ts";
import { SystemError } from "../system/system_error.ts";

/**
 * Finds out whom the settings ask to run as; null where they ask for nobody.
 *
 * @throws {OptionError} When there is no such user or group.
 * @throws {SystemError} On other systems than Linux.
 */
export function resolveIdentity(
  { user, group }: Pick<Settings, "user" | "group">,
): Identity | null {
  if (user === null && group === null) return null;
  // Elsewhere /etc/passwd is not where users are.
  if (Deno.build.os !== "linux") {
    throw new SystemError(
      "--user and --group need Linux. Start the server as the user that it is to run as.",
    );
  }
  const gid = group === null ? null : findGroup(group);
  if (group !== null && gid === null) {
    throw new OptionError(
      `--group ${quote(group)}: there is no such group in /etc/group`,
    );
  }
  if (user === null) return { uid: Deno.uid() ?? 0, gid: gid! };
  const found = findUser(user);
  if (found === null) {
    throw new OptionError(
      `--user ${quote(user)}: there is no such user in /etc/passwd`,
    );
  }
  const itsGroup = gid ?? found.gid;
  if (itsGroup === null) {
    throw new OptionError(
      `--user ${
        quote(user)
      }: this number is not in /etc/passwd, so its group is not known; give --group too`,
    );
  }
  return { uid: found.uid, gid: itsGroup };
}
