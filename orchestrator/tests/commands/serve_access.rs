//! `orch serve`: requests that it refuses, and names of anybody's that are text on its pages.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::serve::{QUICK, links};
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn what_is_not_asked_for_by_its_name_or_from_elsewhere_is_refused() {
    let test = TestRun::with(&QUICK);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let server = test.serve("--host lab.example");
    let request = |method: &str, path: &str, headers: &str| {
        server.send(&format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"))
    };
    let port = server.address.port();
    for (method, headers, status) in [
        ("GET", format!("Host: 127.0.0.1:{port}\r\n"), 200),
        ("HEAD", "Host: localhost\r\n".to_owned(), 200),
        ("GET", "Host: LAB.example:80\r\n".to_owned(), 200),
        ("GET", "Host: evil.example\r\n".to_owned(), 421),
        ("GET", format!("Host: 127.0.0.1.evil.example:{port}\r\n"), 421),
        ("GET", String::new(), 421),
        ("GET", "Host: localhost\r\nHost: evil.example\r\n".to_owned(), 421),
        ("GET", "Host: localhost\r\nOrigin: http://evil.example\r\n".to_owned(), 403),
        ("GET", "Host: localhost\r\nSec-Fetch-Site: same-site\r\n".to_owned(), 403),
        ("POST", "Host: localhost\r\nContent-Length: 0\r\n".to_owned(), 405),
        ("DELETE", "Host: localhost\r\n".to_owned(), 405),
        ("OPTIONS", "Host: localhost\r\nOrigin: http://localhost\r\n".to_owned(), 405),
    ] {
        for path in ["/", "/runs/trip/", "/metrics", "/none"] {
            let answer = request(method, path, &headers);
            let expected = if path == "/none" && status == 200 { 404 } else { status };
            assert_eq!(answer.status, expected, "{method} {path} {headers}");
            for (header, value) in [
                (
                    "content-security-policy",
                    "default-src 'none'; style-src 'self'; script-src 'self'",
                ),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert!(answer.headers[header].starts_with(value), "{method} {path}: {header}");
            }
            assert!(method != "HEAD" || answer.body.is_empty());
        }
    }
}

#[test]
fn no_file_is_served_but_images_that_a_worker_has_reported() {
    let test = TestRun::with_file(IMAGES);
    fs::write(test.path("worker.sh"), WORKER).unwrap();
    fs::write(test.path("secret.png"), b"\x89PNG\r\n\x1a\nsecret").unwrap();
    test.orch("run trip.yaml -q").expect(0, &[]);
    let server = test.serve("");
    let folder = test.trial("a-s0").unwrap();
    let id = folder.file_name().unwrap().to_str().unwrap();
    let trial = format!("/runs/trip/trials/{id}/");
    let page = server.get(&trial);
    let image = format!("{trial}artifacts/artifacts/fine%20%22one%22.png");
    assert!(page.contains(&format!("src=\"{image}\"")), "{page}");
    let answer = server.get_with(&image, "");
    assert_eq!((answer.status, &answer.body[..]), (200, &b"\x89PNG\r\n\x1a\nfine"[..]));
    assert_eq!(answer.headers["content-type"], "image/png");
    assert_eq!(answer.headers["content-security-policy"], "default-src 'none'; sandbox");
    let artifact = |path: &str| format!("{trial}artifacts/{path}");
    for path in [
        // Not reported, outside by a link, no image in spite of its name, and a program.
        artifact("artifacts/silent.png"),
        artifact("artifacts/link.png"),
        artifact("artifacts/page.png"),
        artifact("artifacts/drawing.svg"),
        artifact("artifacts/pipe.png"),
        artifact("trial.json"),
        artifact("attempt-1/env.json"),
        artifact("../../../orch.db"),
        artifact("..%2f..%2f..%2forch.db"),
        artifact("%2fetc%2fpasswd"),
        artifact("/etc/passwd"),
        artifact("artifacts/../artifacts/fine%20%22one%22.png"),
        artifact("artifacts%00/fine%20%22one%22.png"),
        "/../../../../etc/passwd".to_owned(),
        "/runs/../runs/trip/orch.db".to_owned(),
        "/runs/trip/orch.db".to_owned(),
        "/runs/trip/journal.jsonl".to_owned(),
        "/runs/%2e%2e/".to_owned(),
        "/runs/./".to_owned(),
        "/runs/trip/trials/%2e%2e/".to_owned(),
        "/runs/trip/figures/..%2f..%2forch.db".to_owned(),
        "/assets/..%2fstyle.css".to_owned(),
        "/assets/style.css".to_owned(),
    ] {
        let answer = server.get_with(&path, "");
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        let body = String::from_utf8_lossy(&answer.body);
        assert!(!body.contains("root:") && !body.contains("secret"), "{path}: {body}");
    }
}

/// A trial whose worker writes images.
const IMAGES: &str = "\
orch: 1
name: trip
worker: {command: [sh, worker.sh]}
retry: {attempts: 1}
config: {}
variants: {a: {label: First}}
seeds: [0]
";

const WORKER: &str = r#"mkdir -p "$ORCH_ARTIFACTS" && cd "$ORCH_ARTIFACTS"
printf '\211PNG\r\n\032\nfine' > 'fine "one".png'
cp 'fine "one".png' silent.png
ln -s "$ORCH_ARTIFACTS/../../../../../secret.png" link.png
printf '<script>alert(1)</script>' > page.png
printf '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>' > drawing.svg
mkfifo pipe.png
for name in 'fine \"one\".png' link.png page.png drawing.svg pipe.png; do
    printf '{"event":"artifact","kind":"image","name":"sample","item":"%s","step":1,"path":"artifacts/%s"}\n' \
        "$name" "$name" >> "$ORCH_EVENTS"
done
echo '{"event":"result","values":{"psnr":20.5}}' >> "$ORCH_EVENTS"
"#;

#[test]
fn names_of_files_workers_and_runs_are_text_and_nothing_else() {
    let test = TestRun::with_file(&HOSTILE.replace("EVIL", EVIL));
    fs::write(test.path("worker.sh"), HOSTILE_WORKER.replace("EVIL", EVIL)).unwrap();
    test.orch("run trip.yaml -q").expect(1, &[]);
    fs::rename(test.run_dir(), test.path("runs").join(EVIL.replace('/', "∕"))).unwrap();
    let server = test.serve("");
    let mut seen = vec!["/".to_owned()];
    let mut next = 0;
    // Every page that can be reached by links.
    while next < seen.len() {
        let path = seen[next].clone();
        let page = wait_for("a report", || {
            Some(server.get(&path)).filter(|page| !page.contains("is being drawn"))
        });
        for evil in ["<img", "<script>", "onerror=\"", "\u{1b}", "\u{202e}"] {
            let own = evil == "<img" && page.contains("<img src=\"/runs/");
            assert!(own || !page.contains(evil), "{evil} in {path}:\n{page}");
        }
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, 1, "its own script in {path}:\n{page}");
        for link in links(&page) {
            let link = link.replace("&amp;", "&");
            assert!(link.starts_with('/'), "{link} in {path}");
            if !link.starts_with("/assets") && !seen.contains(&link) {
                seen.push(link);
            }
        }
        next += 1;
    }
    // All runs, the run, its trials by state and variant, and both trials.
    assert!(seen.len() >= 7, "{seen:?}");
    let metrics = server.get("/metrics");
    assert!(metrics.contains("orch_trials{run=\"\\\"'><img src=x onerror=alert(1)>"), "{metrics}");
}

/// Breaks out of attributes, elements and comments, if it is not escaped.
const EVIL: &str = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>--></svg>";

const HOSTILE: &str = r"
orch: 1
name: trip
description: |-
  EVIL
worker: {command: [sh, worker.sh]}
retry: {attempts: 1}
config:
  key: |-
    EVIL
variants:
  a:
    label: |-
      EVIL
  b:
    label: |-
      javascript:EVIL
    set:
      key: |-
        other EVIL
seeds: [0]
report:
  table:
    name: table
    title: |-
      EVIL
    columns:
      - metric: |-
          EVIL
        label: |-
          EVIL
  figures:
    - curve:
        name: loss
        title: |-
          EVIL
        metric: |-
          EVIL
";

const HOSTILE_WORKER: &str = r#"
evil=$(cat <<'END'
EVIL
END
)
json=$(printf '%s' "$evil" | sed 's/"/\\"/g')
printf '%s\033[2J\342\200\256\n' "$evil" >&2
say() { printf '%s\n' "$1" >> "$ORCH_EVENTS"; }
say "{\"event\":\"hello\",\"protocol\":1,\"program\":\"$json\",\"device\":\"$json\"}"
say "{\"event\":\"progress\",\"phase\":\"$json\",\"step\":1,\"of\":2}"
for step in 1 2; do say "{\"event\":\"metrics\",\"step\":$step,\"values\":{\"$json\":$step}}"; done
say "{\"event\":\"artifact\",\"kind\":\"image\",\"name\":\"$json\",\"item\":\"$json\",\"step\":1,\"path\":\"artifacts/$json.png\"}"
[ "$ORCH_VARIANT" = a ] && say "{\"event\":\"result\",\"values\":{\"$json\":1}}" && exit 0
say "{\"event\":\"failed\",\"class\":\"$json\",\"message\":\"$json\"}"
exit 1
"#;

#[test]
fn other_machines_need_a_token() {
    let test = TestRun::with(&QUICK);
    test.orch("run trip.yaml -q").expect(0, &[]);
    for address in ["0.0.0.0:0", "[::]:0"] {
        test.orch(&format!("serve --bind {address}"))
            .expect(2, &["can be reached from other machines", "--token-file"]);
    }
    let token = test.path("token");
    fs::write(&token, "correct horse\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    test.orch("serve --bind 0.0.0.0:0 --token-file token").expect(2, &["16 or more"]);
    fs::write(&token, "correct-horse-battery-staple\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o640)).unwrap();
    test.orch("serve --bind 0.0.0.0:0 --token-file token").expect(2, &["chmod 600"]);
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let server = test.serve("--token-file token");
    for path in ["/", "/runs/trip/", "/runs/trip/events", "/metrics", "/runs/none/", "/assets/x"] {
        for headers in
            ["", "Authorization: Bearer correct-horse-battery-stapl\r\n", "Cookie: orch=1\r\n"]
        {
            let answer = server.get_with(path, headers);
            assert_eq!(answer.status, 401, "{path} {headers}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let bearer = "Authorization: Bearer correct-horse-battery-staple\r\n";
    assert_eq!(server.get_with("/", bearer).status, 200);
    assert_eq!(server.get_with("/?token=wrong", "").status, 401);
    let exchanged = server.get_with("/runs/trip/?token=correct-horse-battery-staple", "");
    assert_eq!((exchanged.status, exchanged.headers["location"].as_str()), (303, "/runs/trip/"));
    let cookie = exchanged.headers["set-cookie"].split(';').next().unwrap().to_owned();
    assert_eq!(server.get_with("/runs/trip/", &format!("Cookie: {cookie}\r\n")).status, 200);
}
