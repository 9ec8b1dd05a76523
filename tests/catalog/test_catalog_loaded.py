"""The process's catalogues: time to live, rest after failures, threads. The clock is plain numbers."""

from __future__ import annotations

import threading

import pytest

from shared_core.catalog import ROUTER_URL, Catalog, CatalogCache
from shared_core.catalog.loaded import server_key

URL = "http://localhost:8000/v1"
OLD = Catalog({}, "old", fetched_at=1000.0)
NEW = Catalog({}, "new", fetched_at=1400.0)


@pytest.fixture
def cache():
    return CatalogCache()


@pytest.mark.parametrize(
    ("now", "served"),
    [
        pytest.param(1000.0, True, id="at once"),
        pytest.param(1299.9, True, id="just within 300 s"),
        pytest.param(1300.0, False, id="at 300 s"),
        pytest.param(999.0, False, id="the clock was set back"),
    ],
)
def test_a_catalogue_is_served_for_its_time_to_live(cache, now, served):
    cache.remember(URL, OLD)
    assert cache.fresh(URL, now) is (OLD if served else None)
    assert cache.loaded(URL) is OLD


def test_the_time_to_live_is_the_callers(cache):
    cache.remember(URL, OLD)
    assert cache.fresh(URL, 1005.0, ttl=5.0) is None
    assert cache.fresh(URL, 1005.0, ttl=6.0) is OLD


def test_an_unknown_server_has_nothing(cache):
    assert cache.fresh(URL, 0.0) is None
    assert cache.loaded(URL) is None
    assert not cache.failed_recently(URL, 0.0)


def test_after_a_failure_the_stale_catalogue_is_served_for_15_s(cache):
    cache.remember(URL, OLD)
    assert cache.fresh(URL, 1400.0) is None
    cache.failed(URL, 1400.0)
    assert cache.fresh(URL, 1414.9) is OLD
    assert cache.failed_recently(URL, 1414.9)
    assert cache.fresh(URL, 1415.0) is None
    assert not cache.failed_recently(URL, 1415.0)


def test_a_failure_with_nothing_stored_is_remembered_and_serves_nothing(cache):
    cache.failed(URL, 1400.0)
    assert cache.fresh(URL, 1401.0) is None
    assert cache.failed_recently(URL, 1401.0)


def test_a_success_forgets_the_failure(cache):
    cache.failed(URL, 1399.0)
    cache.remember(URL, NEW)
    assert not cache.failed_recently(URL, 1401.0)
    assert cache.fresh(URL, 1401.0) is NEW


def test_a_catalogue_of_unknown_age_is_loaded_but_never_fresh(cache):
    undated = Catalog({}, "undated")
    cache.remember(URL, undated)
    assert cache.fresh(URL, 0.0) is None
    assert cache.loaded(URL) is undated


def test_the_moment_of_storing_goes_before_the_catalogues_own(cache):
    cache.remember(URL, OLD, now=2000.0)
    assert cache.fresh(URL, 2299.0) is OLD


def test_clearing_forgets_every_server(cache):
    cache.remember(URL, OLD)
    cache.clear()
    assert cache.loaded(URL) is None


def test_the_server_longest_untouched_is_forgotten_beyond_64(cache):
    for number in range(64):
        cache.remember(f"http://host{number}/v1", OLD)
    cache.remember("http://host0/v1", OLD)
    cache.remember("http://one-more/v1", OLD)
    assert cache.loaded("http://host0/v1") is OLD
    assert cache.loaded("http://host1/v1") is None
    assert cache.loaded("http://one-more/v1") is OLD


@pytest.mark.parametrize(
    ("spelled", "key"),
    [
        (None, ROUTER_URL),
        ("https://router.huggingface.co/v1/", ROUTER_URL),
        ("HTTPS://Router.HuggingFace.co/v1", ROUTER_URL),
        ("http://user:pass@Host:8000/V1/", "http://host:8000/V1"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_one_server_has_one_key_without_credentials(spelled, key):
    assert server_key(spelled) == key


def test_threads_see_whole_catalogues_and_no_lost_generation(cache):
    seen, rounds, workers = [], 200, 8
    start = threading.Barrier(workers)

    def work(number: int) -> None:
        start.wait()
        for turn in range(rounds):
            url = f"http://host{turn % 5}"
            cache.remember(url, Catalog({}, url, fetched_at=float(turn)))
            cache.failed(url, float(turn))
            seen.append((url, cache.fresh(url, float(turn)), number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == rounds * workers
    assert all(catalog is not None and catalog.source == url for url, catalog, _ in seen)
    assert cache.generation == 2 * rounds * workers
