-- Signing: whose certificate is whose, and the evidence of each signature.
-- Private keys are never here; key_place and key_label say where one is.

CREATE SCHEMA signing;

CREATE TABLE signing.certificate (
    certificate_id bigint PRIMARY KEY,
    holder_kind    text NOT NULL CHECK (holder_kind IN ('person', 'organisation')),
    holder_id      text COLLATE "C" NOT NULL,
    holder_name    text NOT NULL,
    organisation   text NOT NULL,
    licence        text NOT NULL DEFAULT '',
    key_place      text NOT NULL CHECK (key_place IN ('software', 'pkcs11', 'remote')),
    key_label      text COLLATE "C" NOT NULL,
    der            bytea NOT NULL,
    fingerprint    text COLLATE "C" NOT NULL UNIQUE CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    valid_from     timestamptz NOT NULL,
    valid_to       timestamptz NOT NULL CHECK (valid_to > valid_from),
    issued_at      timestamptz NOT NULL,
    retired_at     timestamptz,               -- replaced or revoked: signs no more
    retired_why    text NOT NULL DEFAULT ''
);
-- A holder signs with one certificate at a time.
CREATE UNIQUE INDEX certificate_in_use ON signing.certificate (holder_kind, holder_id)
    WHERE retired_at IS NULL;

CREATE TABLE signing.signature (
    signature_id   bigint PRIMARY KEY,
    document       text COLLATE "C" NOT NULL,  -- a FHIR reference
    input_sha256   text COLLATE "C" NOT NULL CHECK (input_sha256 ~ '^[0-9a-f]{64}$'),
    signed_sha256  text COLLATE "C" NOT NULL CHECK (signed_sha256 ~ '^[0-9a-f]{64}$'),
    role           text NOT NULL CHECK (role IN ('author', 'reviewer', 'organisation')),
    level          text NOT NULL CHECK (level IN ('B-B', 'B-T')),
    fingerprint    text COLLATE "C" NOT NULL REFERENCES signing.certificate (fingerprint),
    account_id     text NOT NULL,
    signer_name    text NOT NULL,
    shown          text NOT NULL,              -- what the signer was told he signs
    method         text NOT NULL,              -- how he confirmed it
    signed_at      timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX signature_by_document ON signing.signature (document, signature_id);
CREATE INDEX signature_by_hash ON signing.signature (signed_sha256);

CREATE FUNCTION signing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'evidence of a signature is never changed';
END
$$;
CREATE TRIGGER signature_stays BEFORE UPDATE OR DELETE ON signing.signature
    FOR EACH STATEMENT EXECUTE FUNCTION signing.refuse_change();
