/**
 * What `openssl req -x509` writes: a certificate that says CA:TRUE of itself,
 * for `backend.internal` by its common name alone, and its key. Valid for a
 * hundred years, trusted by nobody.
 *
 * @module
 */

export const cert = `\
-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIUKz93+EdDaL3ucE7bWmqXE3ajPQowCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQYmFja2VuZC5pbnRlcm5hbDAgFw0yNjExMjgxMDI2MTNaGA8y
MTI2MTEwNDEwMjYxM1owGzEZMBcGA1UEAwwQYmFja2VuZC5pbnRlcm5hbDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABEwIDGJf0twODwZTApkXwu2qfjnVtReBoQ4Z
9+9q4rcb842sqHKXphHJ6HILJRDUBbOSV2bw7uyZTif1w6PvHFijUzBRMB0GA1Ud
DgQWBBRm4bPx2EzVx12hfg1AXdCFLpsWnTAfBgNVHSMEGDAWgBRm4bPx2EzVx12h
fg1AXdCFLpsWnTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDO
ZeX2ATQkKH6ma9YUFJc7BVL1wThneTBS+sYvz38u+QIgNx8Zo6EPAqcmA12xoJGp
jOiMMJa4IrDP5hilC1sKNTg=
-----END CERTIFICATE-----
`;

export const key = `\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4Ik627PILRoAW47d
zR3dOYaDG1geCkL2gOHBk0Pl89+hRANCAARMCAxiX9LcDg8GUwKZF8Ltqn451bUX
gaEOGffvauK3G/ONrKhyl6YRyehyCyUQ1AWzkldm8O7smU4n9cOj7xxY
-----END PRIVATE KEY-----
`;
