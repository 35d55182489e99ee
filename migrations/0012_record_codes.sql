-- Codes in the order of time: "the newest of this code" reads a page, not everything that has it.
-- The first coding of a type's principal code is a column; further codings have rows in coded.
ALTER TABLE record.resource ADD COLUMN code bigint;
ALTER TYPE record.resource_row ADD ATTRIBUTE code bigint;
CREATE TABLE record.coded (
    k bigint NOT NULL,
    ts bigint NOT NULL,
    rid bigint NOT NULL,
    type smallint NOT NULL
);
CREATE TYPE record.coded_row AS (k bigint, ts bigint, rid bigint, type smallint);

-- What is stored already: the keys of each resource say which codes it has. A scope is the hash
-- of (type, element of the principal code); which of several codings comes first does not matter.
CREATE TEMPORARY TABLE principal (type smallint, scope bigint) ON COMMIT DROP;
INSERT INTO principal VALUES
    (1, -9038923059521114029),
    (2, 4175855785423366458),
    (3, -7873144875639249531),
    (5, 227639358689349327),
    (7, -3043894336896657515),
    (8, -2897587679073131801),
    (12, -5163292971699163563),
    (14, -6489309410285324425),
    (15, -3376182096378244573),
    (17, 7156530567337977344),
    (22, 5392879513463718226),
    (23, -6446891171846339871),
    (24, 8190126401335582862),
    (25, -5547894073988864687),
    (26, -6113066985717326981),
    (28, 7559562993261130377),
    (29, -864594661148725384),
    (31, 2636312817065073147),
    (34, -5972460157220683845),
    (35, -7475346233541887003),
    (36, -1017545860287227318),
    (37, 854433822175854038),
    (38, -7012138245016727300),
    (40, -4505894095434175205),
    (41, 4485755008207347334),
    (42, -508081640338610792),
    (44, 7199292086967103791),
    (48, -8546698753222618548),
    (49, 3272920198043607879),
    (50, -4462197506288033034),
    (51, 7673685089014096077),
    (54, 2983017466775076750),
    (56, -5913695877754369780),
    (58, -990551797229470115),
    (60, -3640475650326163674),
    (62, 1164932571809594851),
    (66, 8548589030622807073),
    (67, 1437003723369738463),
    (68, 7566989370599328199),
    (70, 917094654509721144),
    (71, 1533531286971388489),
    (72, 407872391545139641),
    (74, -5911144756417147118),
    (75, -1271025141194977254),
    (76, -7048727612099054406),
    (77, -7525047674521159363),
    (78, 6594321832459922613),
    (79, -7413420191886636988),
    (80, -5803802365155697056),
    (91, 5000356202513498198),
    (92, 4625025792075652837),
    (93, 5371892024086564010),
    (94, 3076819369069675391),
    (96, 6089887455666003048),
    (98, 7630113942943329973),
    (100, 914685050684112535),
    (107, -1656091950380033128),
    (110, -3765974318273683494),
    (112, 7002394863291807440),
    (115, 9178940515586947305),
    (116, 7191759403100660517),
    (117, 585233413528538189),
    (118, -5135583674983648841),
    (122, -3054251440915176231),
    (123, 4463206815559657912),
    (124, -3476781945633121816),
    (125, 5156736274784113389),
    (126, 7808717799418419765),
    (127, 69984907924395466),
    (130, 2202149680701978510),
    (137, -2717737420635239205),
    (139, 4900059273149108912),
    (140, 7910170221086617155);
INSERT INTO record.coded (k, ts, rid, type)
SELECT t.k, r.ts, r.rid, r.type
  FROM record.resource r
  JOIN principal p ON p.type = r.type
 CROSS JOIN unnest(r.keys) AS own (k)
  JOIN record.term t ON t.k = own.k AND t.scope = p.scope
 WHERE r.flags & 1 = 0;
UPDATE record.resource r SET code = c.k
  FROM (SELECT DISTINCT ON (type, rid) type, rid, k FROM record.coded ORDER BY type, rid, k) c
 WHERE r.type = c.type AND r.rid = c.rid;
DELETE FROM record.coded c USING record.resource r
 WHERE r.type = c.type AND r.rid = c.rid AND r.code = c.k;

CREATE INDEX resource_code ON record.resource (code, ts, rid) WHERE code IS NOT NULL;
CREATE INDEX coded_value ON record.coded (k, ts, rid);
CREATE INDEX coded_rid ON record.coded (rid);

-- Without these the planner takes "not deleted" (flag 1) and "its own patient" (not flag 4) for one
-- row in two hundred, and collects and sorts where walking an index would stop after a page.
CREATE STATISTICS record.resource_deleted ON (flags & 1) FROM record.resource;
CREATE STATISTICS record.resource_own_patient ON (flags & 4) FROM record.resource;
