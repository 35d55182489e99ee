-- What certificates a paired program found on the tokens plugged in there:
-- [{"key": "pkcs11:…", "certificate": base64 of DER}].
ALTER TABLE signing.agent
    ADD COLUMN found jsonb NOT NULL DEFAULT '[]';
