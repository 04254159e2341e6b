//! A host's own rows and the library's in one transaction: an order and an enrollment that commit or fail
//! together, on SQLite and, where a URL is given, on Postgres.
//!
//! ```sh
//! cargo run -p lms-examples --bin host_transaction
//! cargo run -p lms-examples --features postgres --bin host_transaction -- postgres://user@localhost/school
//! ```

use lms_core::Lms;
use lms_core::lms::{EnrollOptions, NewCourse, NewLesson, NewUser, Planned};
use lms_core::model::{CourseId, Enrollment, Role, UserId};
use lms_examples::demo::Failure;
use lms_store_sqlite::{SqliteStore, write_in};

/// A course to sell, and somebody who buys it.
async fn offer(lms: &Lms) -> Result<(CourseId, UserId), Failure> {
    lms.migrate().await?;
    let people = lms.system();
    let teacher = people.people().ensure_user(NewUser::new(Role::Instructor, "Ada")).await?;
    let buyer = people.people().ensure_user(NewUser::new(Role::Student, "Ben")).await?;
    let teacher = lms.as_user(teacher.id);
    let course = teacher.catalog().create_course(NewCourse::titled("Rust")).await?;
    teacher.catalog().add_lesson(course.id, NewLesson::titled("Ownership").published()).await?;
    teacher.catalog().publish_course(course.id, true).await?;
    Ok((course.id, buyer.id))
}

/// The enrollment as a plan: decided, and not written yet.
async fn plan(lms: &Lms, course: CourseId, buyer: UserId) -> Result<Planned<Enrollment>, Failure> {
    let options = EnrollOptions { external_ref: Some("order 4711".to_owned()), ..EnrollOptions::default() };
    Ok(lms.system().plan(|s| async move { s.enrollment().enroll(course, buyer, options).await }).await?)
}

async fn is_enrolled(lms: &Lms, course: CourseId, buyer: UserId) -> bool {
    lms.system().enrollment().enrollment(course, buyer).await.is_ok()
}

async fn on_sqlite() -> Result<(), Failure> {
    println!("SQLite");
    let store = SqliteStore::in_memory().await?;
    let lms = Lms::builder(store.clone()).build();
    let (course, buyer) = offer(&lms).await?;
    store.transaction(|tx| tx.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY)")).await??;
    for paid in [false, true] {
        let planned = plan(&lms, course, buyer).await?;
        let sold = store
            .transaction(move |tx| -> Result<(), Failure> {
                tx.execute("INSERT INTO orders VALUES (4711)", [])?;
                write_in(tx, &planned.batch)?;
                if paid { Ok(()) } else { Err("the card was refused".into()) }
            })
            .await?;
        lms.committed();
        let orders: i64 =
            store.transaction(|tx| tx.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))).await??;
        tell(sold.err(), orders, is_enrolled(&lms, course, buyer).await);
    }
    Ok(())
}

#[cfg(feature = "postgres")]
async fn on_postgres(url: &str) -> Result<(), Failure> {
    use lms_store_postgres::PgStore;
    use lms_store_postgres::driver::{self, Connection as _, Row as _};

    println!("Postgres");
    let store = PgStore::connect(url).await?;
    let lms = Lms::builder(store.clone()).build();
    let (course, buyer) = offer(&lms).await?;
    driver::raw_sql("CREATE TABLE IF NOT EXISTS host_orders (id bigint)").execute(store.pool()).await?;
    for paid in [false, true] {
        let planned = plan(&lms, course, buyer).await?;
        let mut conn = store.pool().acquire().await?;
        let mut tx = conn.begin().await?;
        driver::raw_sql("INSERT INTO host_orders VALUES (4711)").execute(&mut *tx).await?;
        store.write_in(&mut tx, &planned.batch).await?;
        let refused: Option<Failure> = if paid {
            tx.commit().await?;
            None
        } else {
            tx.rollback().await?;
            Some("the card was refused".into())
        };
        lms.committed();
        let orders = driver::query("SELECT count(*) FROM host_orders").fetch_one(store.pool()).await?;
        tell(refused, orders.try_get(0)?, is_enrolled(&lms, course, buyer).await);
    }
    driver::raw_sql("DROP TABLE host_orders").execute(store.pool()).await?;
    Ok(())
}

#[cfg(not(feature = "postgres"))]
async fn on_postgres(_: &str) -> Result<(), Failure> {
    Err("this was built without Postgres; add `--features postgres` to the cargo command".into())
}

fn tell(refused: Option<Failure>, orders: i64, enrolled: bool) {
    let what = refused.map_or_else(|| "paid".to_owned(), |e| e.to_string());
    println!("  {what:<22} orders: {orders}, enrolled: {}", if enrolled { "yes" } else { "no" });
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    on_sqlite().await?;
    match std::env::args().nth(1) {
        Some(url) => on_postgres(&url).await,
        None => Ok(()),
    }
}
