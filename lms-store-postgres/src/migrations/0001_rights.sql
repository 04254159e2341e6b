-- Functions are everybody's unless taken back. Who runs the library is granted what it needs by the role
-- that migrates; docs/postgres.md has the statements.
REVOKE ALL ON FUNCTION {priv}.work_counts_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.recount_totals_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.recount_learners_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.erase_text_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.relay_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.budget_limit_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.reserve_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.write_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.learner_v1 FROM PUBLIC;
REVOKE ALL ON FUNCTION {priv}.learners_v1 FROM PUBLIC;
