"""The medical record (hồ sơ bệnh án) as a whole: completed, archived, kept, held, destroyed.

Owns the schema `archive`. One record for each visit: DRAFT, ACTIVE, CLOSED (complete and
signed), ARCHIVED (immutable; what comes later is a signed annex), DESTROYED (only the account of
the destruction remains). Nothing is shortened: circumstances that become known only ever keep a
record longer, and a legal hold blocks its destruction.

Law: Law 15/2023/QH15 art. 69, Circular 13/2025/TT-BYT, Circular 33/2025/TT-BYT (periods, dated
data in `data/retention.toml`), letter 365/TTYQG-GPQLCL (HoSoBenhAn), Decree 137/2024.
"""
