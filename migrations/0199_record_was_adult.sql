-- Whether somebody had surely come of age by then. A function, because nearly no row asks: written
-- out in the guard, planning it cost every statement more than its rows.
CREATE FUNCTION record.was_adult(whose_type smallint, whose bigint, moment bigint, years bigint)
RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    -- A patient's last time is the last moment of the day of birth; without one it is the lowest.
    RETURN EXISTS (
        SELECT FROM record.resource b
         WHERE b.type = whose_type AND b.rid = whose AND b.flags & 1 = 0
           AND b.te > -9223372036854775807 AND b.te + years <= moment
    );
END $$;
