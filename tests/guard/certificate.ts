/**
 * A self-signed certificate for localhost and 127.0.0.1, and its key, for
 * tests. Valid for a hundred years, trusted by nobody.
 *
 * @module
 */

export const cert = `\
-----BEGIN CERTIFICATE-----
MIIBYzCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABI5wyac5eEXKzUa5
R3NO5qCQ0u5IDxhRaK1GulWx+IckAJzttZIF+q6is17PbRAQGpuP34aK+7USVkD2
5ATBZ0+jSzBJMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAMBgNVHRMBAf8E
AjAAMB0GA1UdDgQWBBSqvwHejf/m2/SEnIle36BFLMXhBzAKBggqhkjOPQQDAgNH
ADBEAiB4iGc0L9rGfeeNsjUskat/xxzU5lPb0ixByoHO1aLw9gIgOlRdRE2DPHGb
p4hanZ/ILVJEPfdEmTN+FQZklUezBLc=
-----END CERTIFICATE-----
`;

export const key = `\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOMg4v5gJK9qTUgMX
r5WMg0oyEha0pLcsJPCMC/+IaR+hRANCAASOcMmnOXhFys1GuUdzTuagkNLuSA8Y
UWitRrpVsfiHJACc7bWSBfquorNez20QEBqbj9+Givu1ElZA9uQEwWdP
-----END PRIVATE KEY-----
`;
