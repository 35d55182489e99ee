"""Signing: who put a signature under which bytes, and whether it still holds.

Owns the schema `signing` (certificates and the evidence of each signature)
and the folder `pki` of the data directory. A private key never leaves this
package: callers hand over bytes and a confirmed actor and get a signed file.
Three kinds of place can hold a key (software, token, remote service) behind
one interface, `KeyPlace.sign(key, digests, consent)`.

Standards: ETSI EN 319 142-1 (PAdES baseline B-B and B-T), ISO 32000-2 §12.8,
RFC 5652 (CMS), RFC 5280 (certificates and CRL), RFC 3161 (time stamps).
Law: Circular 13/2025/TT-BYT art. 3, Law 20/2023/QH15 on e-transactions.
Tables: signing.certificate, signing.signature.
"""
