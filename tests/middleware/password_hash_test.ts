import {
  hashFault,
  hashPassword,
  verifyPassword,
} from "../../src/middleware/password_hash.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";

/** Made by openssl passwd, htpasswd and argon2. */
const HASHES: readonly (readonly [password: string, hash: string])[] = [
  [
    "secret",
    "$6$tcsa/wBZmNDQogb4$yGKXyFaAt/yKS.r1Ldh2N/wniwSfJdRRonzMTZ8HvwsQJSQjU7YsjnVf9qKe7wvvJJmJuhSv2XIhewyF.jCXw.",
  ],
  [
    "0123456789abcdef0123456789abcdef0",
    "$6$HpFuHobQFZiNdY89$X1HxlRPdTD1ERk76qt.e4i6xGIEJGDLS03gkpblMaHkWL8OSEvKjGP5OvdnVnvnuVLM6PUIROk8YIAt.sD4ha.",
  ],
  [
    "pä ss",
    "$6$kAopoZboDj1vAew5$lLyRGz736EEKqyf3Zrx2gsN8g.BgHa2HJ/SbEl15pMgaRYIUBpPMzIUkhisXuZ5RuoXXh7TsI62n.NPkmF1kw1",
  ],
  ["secret", "$5$7eEqlUJSSjPsy2eV$H7w0xVtEIPA8Rx1vARmco8.Yd4WjjbwI0FvFrkX.z6C"],
  [
    "0123456789abcdef0123456789abcdef0",
    "$5$Lt9NTqUIirXyY2WX$.3JID8MOx4VmyOAiJK8B9dVYZ6cB0iaCjabSc4WBegA",
  ],
  ["pä ss", "$5$EEDqZ/OHqPOhkJ0Q$co/RAMYVVzq/WJIdoAOigjsx7C4RFv2N/0GMI3x7BnB"],
  ["secret", "$1$bKU/ATFR$Mxmt.IxbPsgffNwv3ElTT1"],
  ["0123456789abcdef0123456789abcdef0", "$1$qHRFDO0Z$R/IKL8LsSROzcGfBz7ejG/"],
  ["pä ss", "$1$aZPgY04/$TUPUwRSkMac51CIC6.OzP1"],
  ["secret", "$apr1$kUb9AMt/$62Yi.9pGmjAOJGqTUDzLl1"],
  [
    "0123456789abcdef0123456789abcdef0",
    "$apr1$1Kribfy8$is54WVHgKzDetpQIUdAKY/",
  ],
  ["pä ss", "$apr1$M.SlZlrk$tgjpv.W06yDaRN07yrG2l/"],
  [
    "secret",
    "$5$rounds=1500$saltstring$PKDT1pAP7.PDnDfgevxe80aHgP5vr72ZOyy.qRUzqA5",
  ],
  [
    "secret",
    "$argon2id$v=19$m=65536,t=3,p=4$ZBLXmGczl3gjrJMmpxdpEg$2ex7EvYKyPFzZi/nS+LSARIhcd+927RcnLdmJpu0Dl8",
  ],
  ["secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="],
];

Deno.test("hashes of every form are those of their password and of no other", async () => {
  for (const [password, hash] of HASHES) {
    assertEquals(hashFault(hash), null, hash);
    assertEquals(await verifyPassword(password, hash), true, hash);
    for (const other of [`${password}x`, ""]) {
      assertEquals(await verifyPassword(other, hash), false, hash);
    }
  }
});

Deno.test("hashPassword() makes another hash each time, which htpasswd would make", async () => {
  const hash = await hashPassword("pässword");
  assertMatch(hash, /^\$2y\$10\$/);
  assertEquals(await verifyPassword("pässword", hash), true);
  assertEquals(await hashPassword("pässword") === hash, false);
});

Deno.test("a hash that would take too long is not verified", async () => {
  for (
    const hash of [
      `$2y$31$${"a".repeat(53)}`,
      `$6$rounds=999999999$salt$${"a".repeat(86)}`,
      `$argon2id$v=19$m=4194304,t=9,p=1$YWJjZGVmZ2g$${"a".repeat(43)}`,
      "secret",
      "",
    ]
  ) {
    assertEquals(hashFault(hash) === null, false, hash);
    assertEquals(await verifyPassword("secret", hash), false);
  }
});
