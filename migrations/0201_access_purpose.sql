-- Why a record was opened, as a code of HL7 v3 PurposeOfUse, beside the words of who opened it.
ALTER TABLE access.emergency
    ADD COLUMN purpose text COLLATE "C" NOT NULL DEFAULT '';
