//! The typed function of a learner's batch: a row of each table at most, and no list to walk.

use std::fmt::Write as _;

use lms_core::model::NewEvent;
use lms_core::model::table::Record as _;
use lms_core::store::Table;

use super::{events_and_end, full, names, put_sets, taken, upsert_sets};
use crate::write::learner::{ATTEMPT, INSERTED, UPSERTED};

const HEAD: &str = "
-- The same for what a learner does (decision 0011): one enrollment, at most one row of each table, and no
-- list to walk. The enrollment's row is locked, compared, and written in one statement; what the course's
-- structure is then is read under the course's lock. A failed expectation of these two is returned, before
-- anything is written; that of the attempt is raised.

CREATE FUNCTION {priv}.learner_v1(
    p_lock integer, p_course uuid, p_structure bigint, p_version bigint, p_enrollments {priv}.enrollments_v1,
    p_attempt_state text DEFAULT NULL, p_attempt_version bigint DEFAULT NULL,
    p_events {priv}.events_v1[] DEFAULT NULL";

const BEGIN: &str = "
) RETURNS text LANGUAGE plpgsql
    SET search_path = '' SET lock_timeout = '5s' SET enable_seqscan = off AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 'isolation';
    END IF;
    PERFORM pg_advisory_xact_lock_shared({class}, p_lock);
";

const STALE: &str = "    IF NOT FOUND THEN
        PERFORM 1 FROM {lms}.courses WHERE id = p_course AND structure_version = p_structure;
        RETURN CASE WHEN FOUND THEN 'conflict:1' ELSE 'conflict:0' END;
    END IF;
";

const ATTEMPT_STALE: &str = "        IF NOT FOUND THEN
            RAISE EXCEPTION 'conflict:2' USING ERRCODE = 'LM001';
        END IF;
";

/// The function, for the end of `0001_write.sql`.
pub(super) fn learner_function() -> String {
    let mut out = String::from(HEAD);
    let others = || [ATTEMPT].into_iter().chain(UPSERTED.iter().copied()).chain(INSERTED.iter().copied());
    for table in others() {
        let _ = write!(out, ",\n    p_{0} {{priv}}.{0}_v1 DEFAULT NULL", table.name());
    }
    out.push_str(BEGIN);
    let _ = writeln!(
        out,
        "    UPDATE {0} AS t SET {1}
        WHERE t.id = p_enrollments.id AND t.version = p_version
          AND EXISTS (SELECT 1 FROM {{lms}}.courses AS c WHERE c.id = p_course AND c.structure_version = p_structure);",
        full(Table::Enrollment),
        put_sets(Table::Enrollment, "p_enrollments")
    );
    out.push_str(STALE);
    for table in others() {
        let _ = writeln!(out, "    IF p_{}.id IS NOT NULL THEN", table.name());
        if table == ATTEMPT {
            let _ = writeln!(
                out,
                "        UPDATE {0} AS t SET {1}
            WHERE t.id = p_{2}.id AND t.state = p_attempt_state AND t.version = p_attempt_version;",
                full(table),
                put_sets(table, &format!("p_{}", table.name())),
                table.name()
            );
            out.push_str(ATTEMPT_STALE);
        } else {
            let columns = table.columns();
            let values = columns.iter().map(|c| format!("p_{}.{}", table.name(), c.name)).collect::<Vec<_>>();
            let _ = write!(
                out,
                "        INSERT INTO {} ({})\n            VALUES ({})",
                full(table),
                names(columns),
                values.join(", ")
            );
            if UPSERTED.contains(&table) {
                let key = table.natural_key().join(", ");
                let _ = write!(out, "\n            ON CONFLICT ({key}) DO UPDATE SET {}", upsert_sets(table));
            }
            out.push_str(";\n");
        }
        out.push_str("    END IF;\n");
    }
    out.push_str(&events_and_end());
    out
}

const MANY_HEAD: &str = "
-- The same for many learners at once (decision 0013): n batches of that shape, none with an attempt and no
-- enrollment twice; rows and events say by number whose they are. Nothing here waits for somebody else: a batch
-- whose course or enrollment is held by another transaction is left out, and its caller sends it alone. The answer
-- is empty where all are applied, else a word for each.

CREATE FUNCTION {priv}.learners_v1(
    p_locks integer[], p_lock integer[], p_course uuid[], p_structure bigint[], p_version bigint[],
    p_ids uuid[], p_enrollments {priv}.enrollments_v1[], p_events_of integer[] DEFAULT NULL, p_events {priv}.events_v1[] DEFAULT NULL";

const MANY_BEGIN: &str = "
) RETURNS text LANGUAGE plpgsql
    SET search_path = '' SET lock_timeout = '5s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_lock integer;
    v_held integer[] := '{}';
    v_free integer[];
    v_done integer[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 'isolation';
    END IF;
    FOREACH v_lock IN ARRAY p_locks LOOP
        IF pg_try_advisory_xact_lock_shared({class}, v_lock) THEN
            v_held := v_held || v_lock;
        END IF;
    END LOOP;
    v_free := ARRAY(
        SELECT q.n FROM unnest(p_lock, p_ids) WITH ORDINALITY AS q (lock, id, n)
        JOIN {lms}.enrollments AS t ON t.id = q.id
        WHERE q.lock = ANY (v_held) FOR NO KEY UPDATE OF t SKIP LOCKED);
";

/// The function of many, for the end of `0001_write.sql`.
pub(super) fn learners_function() -> String {
    let mut out = String::from(MANY_HEAD);
    let others = || UPSERTED.iter().copied().chain(INSERTED.iter().copied());
    for table in others() {
        let _ =
            write!(out, ",\n    p_{0}_of integer[] DEFAULT NULL, p_{0} {{priv}}.{0}_v1[] DEFAULT NULL", table.name());
    }
    let enrollment = names(Table::Enrollment.columns());
    out.push_str(MANY_BEGIN);
    let sets = put_sets(Table::Enrollment, "q");
    let _ = writeln!(
        out,
        "    WITH done AS (
        UPDATE {0} AS t SET {sets}
        FROM unnest(p_course, p_structure, p_version, p_enrollments) WITH ORDINALITY
            AS q (in_course, structure, expected, {enrollment}, n)
        WHERE t.id = q.id AND t.version = q.expected AND q.n = ANY (v_free)
          AND EXISTS (SELECT 1 FROM {{lms}}.courses AS c WHERE c.id = q.in_course AND c.structure_version = q.structure)
        RETURNING q.n)
    SELECT coalesce(array_agg(n), '{{}}') INTO v_done FROM done;",
        full(Table::Enrollment),
    );
    for table in others() {
        let columns = table.columns();
        let _ = write!(
            out,
            "    IF p_{0} IS NOT NULL THEN
        INSERT INTO {1} ({2})
            SELECT {3} FROM unnest(p_{0}_of, p_{0}) AS r (of, {2}) WHERE r.of = ANY (v_done)",
            table.name(),
            full(table),
            names(columns),
            taken(columns)
        );
        if UPSERTED.contains(&table) {
            let key = table.natural_key().join(", ");
            let _ = write!(out, "\n            ON CONFLICT ({key}) DO UPDATE SET {}", upsert_sets(table));
        }
        out.push_str(";\n    END IF;\n");
    }
    let _ = write!(
        out,
        "    IF p_events IS NOT NULL THEN
        INSERT INTO {{priv}}.activity_events ({0})
            SELECT {1} FROM unnest(p_events_of, p_events) WITH ORDINALITY AS r (of, {0}, ordinality)
            WHERE r.of = ANY (v_done) ORDER BY r.ordinality;
    END IF;
    IF cardinality(v_done) = cardinality(p_ids) THEN
        RETURN '';
    END IF;
    RETURN (SELECT string_agg(CASE
            WHEN q.n = ANY (v_done) THEN 'done'
            WHEN NOT q.n = ANY (v_free) AND EXISTS (SELECT 1 FROM {{lms}}.enrollments AS t WHERE t.id = q.id) THEN 'busy'
            WHEN EXISTS (SELECT 1 FROM {{lms}}.courses AS c WHERE c.id = q.in_course AND c.structure_version = q.structure)
                THEN 'conflict:1'
            ELSE 'conflict:0' END, ',' ORDER BY q.n)
        FROM unnest(p_course, p_structure, p_ids) WITH ORDINALITY AS q (in_course, structure, id, n));
END $$;\n",
        names(NewEvent::COLUMNS),
        taken(NewEvent::COLUMNS),
    );
    out
}
