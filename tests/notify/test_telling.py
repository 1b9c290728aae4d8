"""People are told once per incident, by real mail and a real webhook, and nothing that is nobody's business."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.lake.release import Releases
from headgate.ledger import Ledger
from headgate.notify import Message, deliver, require_channels, without_values
from headgate.project.following_config import Channel
from headgate.run.check import check_project
from headgate.run.telling import is_late, tell_of_age
from headgate.run.workshop import open_store
from post_office import MailServer, Webhook
from small_shop import Shop

BAD = "id,item,amount\n4,b,-5\n"
GOOD = "id,item,amount\n4,b,5\n"
Telling = Callable[[str], Shop]


def to(*urls: str, on: str = "[blocked, failed, late, recovered]") -> str:
    return f"notify: {{ops: {{urls: {list(urls)!r}, on: {on}}}}}\n"


@pytest.mark.slow
def test_one_message_per_incident_and_one_when_all_is_well(telling: Telling, webhook: Webhook) -> None:
    shop = telling(to(webhook.url))
    shop.run()
    shop.run()
    assert webhook.posts == []
    shop.write("data/sales_2.csv", BAD)
    first = shop.run()
    shop.run()
    assert first.notes == []
    (told,) = webhook.posts
    assert told["title"] == "shop: BLOCKED gate raw: 1 of 4 expectations failed"
    lines = told["message"].splitlines()
    assert lines[0] == "raw.sales expect_column_values_to_be_between (amount): 1 unexpected rows"
    assert lines[1].startswith("still serving release 1 (")
    assert lines[2] == f"look closer: headgate why {first.run}"
    assert "-5" not in str(told)  # no value of a row
    shop.write("data/sales_2.csv", GOOD)
    shop.run()
    shop.run()
    assert webhook.titles[1:] == ["shop: RECOVERED"]
    shop.write("data/sales_3.csv", BAD)
    shop.run()
    assert len(webhook.posts) == 3  # another incident


def test_other_trouble_is_another_incident(telling: Telling, webhook: Webhook) -> None:
    shop = telling(to(webhook.url))
    shop.write("data/sales_2.csv", BAD)
    shop.run()
    shop.write("data/sales_2.csv", "id,item,amount\n3,b,5\n4,b,\n")
    shop.run()
    assert ["BLOCKED" in title for title in webhook.titles] == [True, True]
    assert "not_be_null" in webhook.posts[1]["message"]


def test_mail_arrives(telling: Telling, mail: MailServer) -> None:
    shop = telling(to(mail.url))
    shop.write("data/sales_1.csv", BAD)
    shop.run()
    (found,) = mail.mails
    assert str(found["Subject"]).startswith("shop: BLOCKED gate raw")
    assert found["To"] == "ops@example.com"
    assert "serving nothing yet" in str(found)


@pytest.mark.slow
def test_an_error_that_quotes_a_value_is_told_without_it(telling: Telling, webhook: Webhook) -> None:
    shop = telling(to(webhook.url))
    shop.write("models/marts/by_item.sql", "select error('card 4711471147114711 of ann') as item, 1 as total\n")
    verdict = shop.run()
    assert verdict.status == "blocked"  # by the data's fault
    (told,) = webhook.posts
    assert told["title"].startswith("shop: BLOCKED")
    assert "4711" not in str(told)
    assert f"headgate why {verdict.run}" in told["message"]


@pytest.mark.slow
def test_each_channel_hears_only_what_it_asked_for(telling: Telling, webhook: Webhook, mail: MailServer) -> None:
    shop = telling(
        "notify:\n"
        f"  chat: {{urls: ['{webhook.url}'], on: [recovered]}}\n"
        f"  mail: {{urls: ['{mail.url}'], on: [blocked]}}\n"
    )
    shop.write("data/sales_2.csv", BAD)
    shop.run()
    assert (len(mail.mails), webhook.titles) == (1, [])
    shop.write("data/sales_2.csv", GOOD)
    shop.run()
    shop.run()
    assert (len(mail.mails), webhook.titles) == (1, ["shop: RECOVERED"])


def test_who_cannot_be_told_is_told_later_and_no_run_ends_of_it(telling: Telling, webhook: Webhook) -> None:
    shop = telling(to(webhook.url))
    shop.write("data/sales_2.csv", BAD)
    webhook.status = 500
    verdict = shop.run()
    assert verdict.status == "blocked"
    assert "ops could not be told (blocked)" in verdict.notes[-1]
    with Ledger.open(shop.project().ledger) as ledger:
        alerts = [alert for alert in ledger.alerts(run=verdict.run) if alert.kind == "notify_failed"]
    assert len(alerts) == 1
    assert "s3cret-token" not in str((alerts, verdict.to_json()))
    webhook.status = 200
    shop.run()
    assert len(webhook.posts) == 1


def test_an_address_that_nobody_understands_ends_no_run_and_check_finds_it(telling: Telling) -> None:
    shop = telling(to("nosuchservice://token-of-mine"))
    shop.write("data/sales_2.csv", BAD)
    verdict = shop.run()
    assert verdict.status == "blocked"
    assert "address 1 (nosuchservice)" in verdict.notes[-1]
    assert "token-of-mine" not in str(verdict.to_json())
    finding = next(f for f in check_project(shop.project()) if f.subject == "notify ops")
    assert not finding.ok


@pytest.mark.slow
def test_a_release_that_is_late_is_told_once_and_so_is_the_next_one(telling: Telling, webhook: Webhook) -> None:
    shop = telling(to(webhook.url) + "expect_every: 1s\n")
    shop.run()
    project = shop.project()
    store = open_store(project)
    served = Releases(store).current()
    assert served is not None
    since = datetime.fromisoformat(served.published_at)
    assert not is_late(project, served.published_at, since + timedelta(milliseconds=900))
    assert is_late(project, served.published_at, since + timedelta(seconds=2))
    while not is_late(project, served.published_at, datetime.now(UTC)):
        pass
    with Ledger.open(project.ledger) as ledger:
        for _ in range(2):
            assert tell_of_age(project, ledger, store.location, served) == []
    shop.run()  # nothing new: still late
    assert len(webhook.titles) == 1
    assert webhook.titles[0].startswith("shop: LATE release 1 is ")
    shop.write("headgate.yml", (shop.folder / "headgate.yml").read_text().replace("every: 1s", "every: 1h"))
    shop.write("data/sales_2.csv", GOOD)
    shop.run()
    assert webhook.titles[1:] == ["shop: RECOVERED"]


def test_without_channels_nothing_is_kept(telling: Telling) -> None:
    shop = telling("")
    shop.write("data/sales_2.csv", BAD)
    shop.run()
    with Ledger.open(shop.project().ledger) as ledger:
        assert ledger.incidents(shop.project().lake) == []


def test_a_port_where_nobody_listens_is_a_failed_delivery() -> None:
    done = deliver(Channel(urls=("json://ops:s3cret@127.0.0.1:1/",)), Message("t", "b"), "failure")
    assert not done.ok
    assert "s3cret" not in done.text


def test_addresses_are_counted_and_an_unknown_one_is_refused() -> None:
    assert require_channels(Channel(urls=("json://localhost", "xml://localhost"))) == 2
    with pytest.raises(UsageError, match=r"address 2 \(no scheme\)"):
        require_channels(Channel(urls=("json://localhost", "ops")))


@pytest.mark.parametrize(
    "text",
    [
        "Could not convert string 'ann@example.com' to INT32",
        'invalid value "GB29 NWBK 6016" here',
        "value 60161331926819 is out of range",
        "value 6016-1331-9268 is out of range",
        f"long {'x' * 5000} ann@example.com",
    ],
)
def test_values_do_not_leave_the_house(text: str) -> None:
    told = without_values(text)
    assert "ann" not in told
    assert "6016" not in told


def test_the_names_of_files_stay_readable() -> None:
    assert without_values("run 20261121-101500 failed") == "run 20261121-101500 failed"
    assert Path(without_values("cannot read data/sales_2.csv").split()[-1]).name == "sales_2.csv"
