//! The write door's function, written from the tables' description. The migration holds its output; a
//! test compares the two, so that binder, types, and statements cannot drift apart.

mod learner;

use std::fmt::Write as _;

use lms_core::model::NewEvent;
use lms_core::model::table::{Column, Kind, Record};
use lms_core::store::Table;

use crate::sql::schema_of;

/// The SQL type of a column.
fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Time => "timestamptz",
        Kind::Points => "numeric(14,5)",
        Kind::Json => "json",
    }
}

fn composite(name: &str, columns: &[Column]) -> String {
    let list = columns.iter().map(|c| format!("{} {}", c.name, sql_type(c.kind))).collect::<Vec<_>>().join(", ");
    format!("CREATE TYPE {{priv}}.{name}_v1 AS ({list});\n")
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")
}

fn taken(columns: &[Column]) -> String {
    columns.iter().map(|c| format!("r.{}", c.name)).collect::<Vec<_>>().join(", ")
}

fn rows(table: Table) -> String {
    format!("unnest(p_{}[o.lo:o.hi]) AS r", table.name())
}

fn insert(table: Table) -> String {
    let columns = table.columns();
    format!("INSERT INTO {} ({}) SELECT {} FROM {}", full(table), names(columns), taken(columns), rows(table))
}

fn full(table: Table) -> String {
    format!("{}.{}", schema_of(table.name()), table.name())
}

fn branch(out: &mut String, table: Table, statement: &str, count: bool) {
    let _ = writeln!(out, "            WHEN '{}' THEN\n                {statement};", table.name());
    if count {
        let _ = writeln!(out, "                GET DIAGNOSTICS v_rows = ROW_COUNT;");
    }
}

/// The whole of `0001_write.sql`.
pub(crate) fn write_function() -> String {
    let mut out = String::from(HEAD);
    for table in Table::ALL {
        out.push_str(&composite(table.name(), table.columns()));
    }
    out.push_str(&composite("events", NewEvent::COLUMNS));
    out.push_str(TYPES);
    out.push_str("CREATE FUNCTION {priv}.write_v1(\n    p_locks integer[], p_exclusive boolean[], p_bump uuid[],\n    p_expect {priv}.expect_v1[], p_ops {priv}.op_v1[], p_host boolean DEFAULT false");
    let _ = write!(out, ",\n    p_events {{priv}}.events_v1[] DEFAULT NULL");
    for table in Table::ALL {
        let _ = write!(out, ",\n    p_{0} {{priv}}.{0}_v1[] DEFAULT NULL", table.name());
    }
    out.push_str(BODY_HEAD);

    out.push_str("        WHEN 'row' THEN CASE e.tab\n");
    for table in Table::ALL.iter().filter(|t| t.columns().iter().any(|c| c.name == "version")) {
        let _ = writeln!(
            out,
            "            WHEN '{0}' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {1} WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {1} WHERE id = e.id AND version = e.version;
                END IF;",
            table.name(),
            full(*table)
        );
    }
    out.push_str("            END CASE;\n");
    out.push_str(EXPECT_TAIL);

    out.push_str("        WHEN 'insert' THEN CASE o.tab\n");
    for table in Table::ALL {
        branch(&mut out, *table, &insert(*table), false);
    }
    out.push_str("            END CASE;\n        WHEN 'put' THEN\n            CASE o.tab\n");
    for table in Table::ALL.iter().filter(|t| !t.is_link()) {
        let sets = put_sets(*table, "r");
        if !sets.is_empty() {
            let put = format!("UPDATE {} AS t SET {sets} FROM {} WHERE t.id = r.id", full(*table), rows(*table));
            branch(&mut out, *table, &put, true);
        }
    }
    out.push_str(
        "            END CASE;
            IF v_rows <> o.hi - o.lo + 1 THEN
                RAISE EXCEPTION 'a row is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'upsert' THEN CASE o.tab\n",
    );
    for table in Table::ALL.iter().filter(|t| UPSERTED.contains(t)) {
        let (key, sets) = (table.natural_key().join(", "), upsert_sets(*table));
        let upsert = format!("{} ON CONFLICT ({key}) DO UPDATE SET {sets}", insert(*table));
        branch(&mut out, *table, &upsert, false);
    }
    out.push_str("            END CASE;\n        WHEN 'ensure' THEN CASE o.tab\n");
    for table in Table::ALL {
        let ensure = format!("{} ON CONFLICT ({}) DO NOTHING", insert(*table), table.natural_key().join(", "));
        branch(&mut out, *table, &ensure, false);
    }
    out.push_str("            END CASE;\n        WHEN 'unlink' THEN\n            CASE o.tab\n");
    for table in Table::ALL.iter().filter(|t| t.is_link()) {
        let on = table.natural_key().iter().map(|c| format!("t.{c} = r.{c}")).collect::<Vec<_>>().join(" AND ");
        branch(&mut out, *table, &format!("DELETE FROM {} AS t USING {} WHERE {on}", full(*table), rows(*table)), true);
    }
    out.push_str(
        "            END CASE;
            IF v_rows <> o.hi - o.lo + 1 THEN
                RAISE EXCEPTION 'a row is gone' USING ERRCODE = 'LM001';
            END IF;\n",
    );
    out.push_str(BODY_OPS);
    out.push_str(&events_and_end());
    out.push_str(&learner::learner_function());
    out.push_str(&learner::learners_function());
    out
}

/// The events, in their order, and the end of a function that writes.
fn events_and_end() -> String {
    format!(
        "    IF p_events IS NOT NULL THEN
        INSERT INTO {{priv}}.activity_events ({})
            SELECT {} FROM unnest(p_events) WITH ORDINALITY AS r ORDER BY r.ordinality;
    END IF;
    RETURN '';
END $$;\n",
        names(NewEvent::COLUMNS),
        taken(NewEvent::COLUMNS)
    )
}

/// What a put changes of a row that is there, with the values of another one.
fn put_sets(table: Table, from: &str) -> String {
    let mutable = table.columns().iter().filter(|c| table.is_mutable(c.name));
    mutable.map(|c| format!("{0} = {from}.{0}", c.name)).collect::<Vec<_>>().join(", ")
}

/// What an upsert changes of a row that is there.
fn upsert_sets(table: Table) -> String {
    let key = table.natural_key();
    let changed = table
        .columns()
        .iter()
        .filter(|c| table.is_mutable(c.name) && !key.contains(&c.name) && !c.name.starts_with("first_"));
    changed.map(|c| format!("{0} = excluded.{0}", c.name)).collect::<Vec<_>>().join(", ")
}

/// The tables that are upserted (one row per learner and item).
const UPSERTED: &[Table] =
    &[Table::LessonProgress, Table::TopicView, Table::QuizResult, Table::Override, Table::Waiver];

const HEAD: &str = "-- The write door of the Postgres store, version 1: applies a batch mechanically, in one call.
--
-- Generated from the tables' description in lms-core; a test holds it to that. Do not edit by hand.
--
-- Order: the courses' advisory locks ascending by key, the expectations as the caller has ordered them
-- (structures, enrollments by id, which locks their rows, all others, seats), the structure versions, the
-- changes in their order, the events. It is VOLATILE: in READ COMMITTED every statement has a snapshot of
-- its own and sees what was committed before the locks were had. A failed expectation is returned (nothing
-- is written then); a row that is gone is raised.
--
-- One row by its id, never a list by ANY: a plan for any list is dearer than one for the list at hand, so
-- the planner would make one in every call.

";

const TYPES: &str = "CREATE TYPE {priv}.expect_v1 AS (
    n integer, kind text, tab text, id uuid, version bigint, word text, other uuid, counts bigint[], hold boolean);
CREATE TYPE {priv}.op_v1 AS (
    op text, tab text, lo integer, hi integer, id uuid, other uuid, word text, word2 text, n bigint,
    at timestamptz, flag boolean, ids uuid[], doc text);

";

const BODY_HEAD: &str = "
) RETURNS text LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '5s' AS $$
DECLARE
    e {priv}.expect_v1;
    o {priv}.op_v1;
    v_rows bigint := 0;
    v_seats integer := 0;
    v_limited boolean;
    v_scope text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' AND NOT p_host THEN
        RETURN 'isolation';
    END IF;
    FOR i IN 1 .. coalesce(array_length(p_locks, 1), 0) LOOP
        IF p_exclusive[i] THEN
            PERFORM pg_advisory_xact_lock({class}, p_locks[i]);
        ELSE
            PERFORM pg_advisory_xact_lock_shared({class}, p_locks[i]);
        END IF;
    END LOOP;
    FOREACH e IN ARRAY p_expect LOOP
        CASE e.kind
        WHEN 'structure' THEN
            IF p_host AND current_setting('transaction_isolation') <> 'read committed' THEN
                PERFORM 1 FROM {lms}.courses WHERE id = e.id AND structure_version = e.version FOR SHARE;
            ELSE
                PERFORM 1 FROM {lms}.courses WHERE id = e.id AND structure_version = e.version;
            END IF;
        WHEN 'enrollment' THEN
            -- After a wait the row is looked at again as it then is: another version is not found.
            PERFORM 1 FROM {lms}.enrollments WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
        WHEN 'attempt' THEN
            IF e.hold THEN
                PERFORM 1 FROM {lms}.quiz_attempts WHERE id = e.id AND state = e.word AND version = e.version
                    FOR NO KEY UPDATE;
            ELSE
                PERFORM 1 FROM {lms}.quiz_attempts WHERE id = e.id AND state = e.word AND version = e.version;
            END IF;
";

const EXPECT_TAIL: &str = "        WHEN 'log' THEN
            PERFORM 1 FROM {priv}.ai_logs WHERE id = e.id AND status = e.word FOR NO KEY UPDATE;
        WHEN 'job' THEN
            PERFORM 1 FROM {priv}.course_jobs
                WHERE id = e.id AND cursor IS NOT DISTINCT FROM e.other AND done_at IS NULL FOR NO KEY UPDATE;
        WHEN 'lease' THEN
            PERFORM 1 FROM {priv}.consumers WHERE name = e.word AND lease_token = e.other FOR NO KEY UPDATE;
        WHEN 'budget' THEN
            PERFORM 1 WHERE {priv}.reserve_v1(string_to_array(e.word, ','), e.tab, e.version);
            IF FOUND THEN
                v_seats := v_seats + 1;
                CONTINUE;
            END IF;
        WHEN 'not_enrolled' THEN
            PERFORM 1 WHERE NOT EXISTS (
                SELECT 1 FROM {lms}.enrollments WHERE course_id = e.id AND student_id = e.other);
        WHEN 'grades' THEN
            PERFORM 1 WHERE NOT EXISTS (
                SELECT 1 FROM {lms}.submissions
                WHERE assignment_id = e.id AND raw_grade > e.version::numeric / 100000);
        WHEN 'work' THEN
            PERFORM 1 WHERE NOT EXISTS (
                SELECT 1 FROM unnest({priv}.work_counts_v1(e.word, e.id), e.counts) AS c (found, most)
                WHERE c.found > c.most);
        WHEN 'seat' THEN
            SELECT capacity IS NOT NULL INTO v_limited FROM {lms}.courses WHERE id = e.id;
            IF FOUND AND v_limited THEN
                UPDATE {lms}.courses SET seats_taken = seats_taken + 1 WHERE id = e.id AND seats_taken < capacity;
                IF FOUND THEN
                    v_seats := v_seats + 1;
                ELSIF v_seats > 0 THEN
                    RAISE EXCEPTION 'conflict:%', e.n USING ERRCODE = 'LM001';
                ELSE
                    RETURN 'conflict:' || e.n;
                END IF;
                CONTINUE;
            END IF;
        END CASE;
        IF NOT FOUND THEN
            IF v_seats > 0 THEN
                RAISE EXCEPTION 'conflict:%', e.n USING ERRCODE = 'LM001';
            END IF;
            RETURN 'conflict:' || e.n;
        END IF;
    END LOOP;
    IF array_length(p_bump, 1) > 0 THEN
        UPDATE {lms}.courses SET structure_version = structure_version + 1 WHERE id = ANY (p_bump);
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        IF v_rows <> array_length(p_bump, 1) THEN
            RAISE EXCEPTION 'a course is gone' USING ERRCODE = 'LM001';
        END IF;
    END IF;
    FOREACH o IN ARRAY p_ops LOOP
        CASE o.op
";

const BODY_OPS: &str = "        WHEN 'delete' THEN
            EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', o.word::regclass) USING o.ids;
            GET DIAGNOSTICS v_rows = ROW_COUNT;
            IF v_rows <> array_length(o.ids, 1) THEN
                RAISE EXCEPTION 'a row is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'order' THEN
            EXECUTE format(
                'SELECT (SELECT count(*) FROM %1$s AS t WHERE t.%2$I = $1) = cardinality($2)
                    AND (SELECT count(*) FROM %1$s AS t WHERE t.%2$I = $1 AND t.id = ANY ($2)) = cardinality($2)',
                o.word::regclass, o.word2) INTO v_limited USING o.id, o.ids;
            IF NOT v_limited THEN
                RAISE EXCEPTION 'the siblings are others' USING ERRCODE = 'LM001';
            END IF;
            EXECUTE format(
                'UPDATE %s AS t SET order_index = -x.place FROM unnest($2) WITH ORDINALITY AS x (id, place)
                 WHERE t.id = x.id AND t.%I = $1 AND t.order_index <> x.place - 1', o.word::regclass, o.word2)
                USING o.id, o.ids;
            EXECUTE format(
                'UPDATE %s AS t SET order_index = -1 - order_index WHERE t.%I = $1 AND order_index < 0',
                o.word::regclass, o.word2)
                USING o.id;
        WHEN 'recount' THEN
            IF NOT {priv}.recount_totals_v1(o.id) THEN
                RAISE EXCEPTION 'the course is gone' USING ERRCODE = 'LM001';
            END IF;
            IF o.flag THEN
                PERFORM {priv}.recount_learners_v1(o.id);
            END IF;
        WHEN 'free_seat' THEN
            UPDATE {lms}.courses SET seats_taken = seats_taken - 1
                WHERE id = o.id AND capacity IS NOT NULL AND seats_taken > 0;
        WHEN 'recount_seats' THEN
            UPDATE {lms}.courses SET seats_taken = (
                SELECT count(*) FROM {lms}.enrollments WHERE course_id = o.id AND status = 'active')
                WHERE id = o.id;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the course is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'save_answers' THEN
            UPDATE {lms}.quiz_attempts SET answers = o.doc::json, version = o.n, updated_at = o.at
                WHERE id = o.id AND state = 'in_progress';
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the attempt is over' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'flip_log' THEN
            UPDATE {priv}.ai_logs SET status = o.word2, applied_at = o.at,
                    response_text = CASE WHEN redaction = 'metadata' THEN NULL ELSE response_text END
                WHERE id = o.id AND status = o.word;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the log row has moved on' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'blank_logs' THEN
            UPDATE {priv}.ai_logs SET prompt_text = NULL, response_text = NULL,
                    status = CASE WHEN status = 'valid' THEN 'dropped' ELSE status END
                WHERE id = ANY (o.ids) AND status <> 'pending';
        WHEN 'settle_budget' THEN
            FOREACH v_scope IN ARRAY string_to_array(o.word, ',') LOOP
                UPDATE {priv}.ai_spending SET reserved = greatest(reserved - o.n, 0), spent = spent + o.doc::bigint
                    WHERE day = o.word2 AND scope = v_scope;
            END LOOP;
        WHEN 'set_budget' THEN
            IF o.n IS NULL THEN
                DELETE FROM {priv}.ai_budgets WHERE scope = o.word;
            ELSE
                INSERT INTO {priv}.ai_budgets (scope, limit_micro_usd) VALUES (o.word, o.n)
                    ON CONFLICT (scope) DO UPDATE SET limit_micro_usd = excluded.limit_micro_usd;
            END IF;
        WHEN 'advance_job' THEN
            UPDATE {priv}.course_jobs SET cursor = o.other, done_at = o.at WHERE id = o.id AND done_at IS NULL;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the job is done' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'erase_text' THEN
            PERFORM {priv}.erase_text_v1(o.id, o.at);
        WHEN 'advance_consumer' THEN
            UPDATE {priv}.consumers SET position = o.n WHERE name = o.word;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the consumer is gone' USING ERRCODE = 'LM001';
            END IF;
        END CASE;
    END LOOP;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migration_is_what_the_description_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations/0001_write.sql");
        let generated = write_function();
        if std::env::var_os("UPDATE_SQL").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == generated,
            "0001_write.sql is not what the tables' description says; run this test with UPDATE_SQL=1"
        );
    }
}
