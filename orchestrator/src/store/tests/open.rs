//! Readers and the writer of one database.

use crate::store::Store;

/// The names of a folder's files, in order.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_reader_in_a_transaction_keeps_no_later_writer_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orch.db");
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(names(folder.path()), ["orch.db", "orch.db-seal"]);

    let mut reader = Store::open_read_only(&path).await.unwrap();
    sqlx::query("begin").execute(&mut reader.connection).await.unwrap();
    sqlx::query("select count(*) from point").fetch_one(&mut reader.connection).await.unwrap();
    let mut writer = Store::open(&path).await.unwrap();
    sqlx::query("insert into metric (name) values ('loss')")
        .execute(&mut writer.connection)
        .await
        .unwrap();
    writer.close().await.unwrap();
}
