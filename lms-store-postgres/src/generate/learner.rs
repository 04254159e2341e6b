//! The typed function of a learner's batch: a row of each table at most, and no list to walk.

use std::fmt::Write as _;

use lms_core::store::Table;

use super::{events_and_end, full, names, upsert_sets};
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
        put_sets(Table::Enrollment)
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
                put_sets(table),
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

fn put_sets(table: Table) -> String {
    let mutable = table.columns().iter().filter(|c| table.is_mutable(c.name));
    mutable.map(|c| format!("{1} = p_{0}.{1}", table.name(), c.name)).collect::<Vec<_>>().join(", ")
}
