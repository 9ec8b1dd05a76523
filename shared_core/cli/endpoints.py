"""`endpoints`: dedicated Inference Endpoints, listed, looked at, measured, created, put to rest and woken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from math import isfinite
from typing import Annotated, Any

import typer

from shared_core._text import clean
from shared_core.cli.clients import HubUrl, Json, client
from shared_core.cli.out import (
    complaining,
    going_on,
    money,
    say,
    show_json,
    show_table,
    somebody_is_here,
    tell,
)
from shared_core.errors import ConfigError
from shared_core.hub import Endpoints, InferenceEndpoint

__all__ = ["endpoints"]

Name = Annotated[str, typer.Argument(help="name, or namespace/name", metavar="NAME")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", help="A user or an organisation.", metavar="NAME")
]
ApiUrl = Annotated[
    str | None, typer.Option("--endpoints-url", help="A stand-in of the API, on this machine.", metavar="URL")
]
Seconds = Annotated[float, typer.Option("--timeout", help="To wait at most.", min=0.001, metavar="SECONDS")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it runs.")]

_WAITED = 600  # seconds

endpoints = typer.Typer(name="endpoints", invoke_without_command=True)


@endpoints.callback()
def _listed(
    context: typer.Context,
    namespace: Namespace = None,
    as_json: Json = False,
    endpoints_url: ApiUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Lists dedicated endpoints, starts and stops them.

    Without a further word, it is the list: below each name its model, and what a replica costs in an hour.

    Examples:

      hfrouter endpoints --namespace my-org

      hfrouter endpoints resume my-endpoint --wait

      hfrouter endpoints scale-to-zero my-org/my-endpoint
    """
    with complaining():
        if context.invoked_subcommand is None:
            _show_all(_of(endpoints_url, hub_url, namespace), as_json=as_json)
        elif as_json or namespace or endpoints_url or hub_url:
            raise ConfigError(
                "Options stand behind the command.", hint="Write `hfrouter endpoints show NAME --json`."
            )


@endpoints.command("list")
def _list(
    namespace: Namespace = None,
    as_json: Json = False,
    endpoints_url: ApiUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """All endpoints of a namespace, the newest first.

    Example:

      hfrouter endpoints list --namespace my-org --json
    """
    with complaining():
        _show_all(_of(endpoints_url, hub_url, namespace), as_json=as_json)


@endpoints.command("show")
def _show(name: Name, as_json: Json = False, endpoints_url: ApiUrl = None, hub_url: HubUrl = None) -> None:
    """One endpoint: its state, its model, what it runs on.

    Example:

      hfrouter endpoints show my-org/my-endpoint
    """
    with complaining():
        _show_one(_of(endpoints_url, hub_url).get(name, prices=True), as_json=as_json)


@endpoints.command("create")
def _create(
    name: Annotated[str, typer.Argument(help="What it shall be called.", metavar="NAME")],
    model: Annotated[str, typer.Option("--model", "-m", help="org/name", metavar="MODEL")],
    instance: Annotated[
        str, typer.Option("--instance", help="Type and size, such as nvidia-l4:x1.", metavar="TYPE:SIZE")
    ],
    vendor: Annotated[str, typer.Option("--vendor", help="aws, azure or gcp.", metavar="NAME")] = "aws",
    region: Annotated[str, typer.Option("--region", help="Where it runs.", metavar="NAME")] = "us-east-1",
    accelerator: Annotated[
        str, typer.Option("--accelerator", help="cpu, gpu or neuron.", metavar="NAME")
    ] = "gpu",
    framework: Annotated[
        str, typer.Option("--framework", help="pytorch, custom, llamacpp, …", metavar="NAME")
    ] = "pytorch",
    task: Annotated[
        str | None,
        typer.Option("--task", help='The Hub\'s name, such as "text-generation".', metavar="TASK"),
    ] = None,
    min_replica: Annotated[
        int, typer.Option("--min-replica", help="0 lets it sleep.", min=0, metavar="N")
    ] = 1,
    max_replica: Annotated[int, typer.Option("--max-replica", help="At most.", min=1, metavar="N")] = 1,
    sleep_after: Annotated[
        int | None, typer.Option("--sleep-after", help="Minutes without a request.", metavar="MINUTES", min=1)
    ] = None,
    namespace: Namespace = None,
    wait: Wait = False,
    timeout: Seconds = _WAITED,
    as_json: Json = False,
    endpoints_url: ApiUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Creates an endpoint, which is paid for from then on.

    Example:

      hfrouter endpoints create mine --model Qwen/Qwen3-8B --instance nvidia-l4:x1
    """
    with complaining():
        kind, colon, size = instance.partition(":")
        if not (kind and colon and size):
            raise ConfigError(
                f"--instance {instance!r} is not a type and a size.", hint="Write it as nvidia-l4:x1."
            )
        optional = {"task": task, "scale_to_zero_timeout": sleep_after}
        hub = _of(endpoints_url, hub_url, namespace)
        made = hub.create(
            name,
            repository=model,
            framework=framework,
            accelerator=accelerator,
            instance_type=kind,
            instance_size=size,
            vendor=vendor,
            region=region,
            min_replica=min_replica,
            max_replica=max_replica,
            **{key: value for key, value in optional.items() if value is not None},
        )
        _show_one(_waited(hub, made.id, timeout) if wait else made, as_json=as_json)


@endpoints.command("pause")
def _pause(name: Name, as_json: Json = False, endpoints_url: ApiUrl = None, hub_url: HubUrl = None) -> None:
    """Puts it to rest until it is resumed; that is free.

    Example:

      hfrouter endpoints pause my-endpoint
    """
    _changed(lambda hub: hub.pause(name), _of(endpoints_url, hub_url), as_json=as_json)


@endpoints.command("resume")
def _resume(
    name: Name,
    wait: Wait = False,
    timeout: Seconds = _WAITED,
    as_json: Json = False,
    endpoints_url: ApiUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Starts one that is paused or scaled to zero.

    Example:

      hfrouter endpoints resume my-endpoint --wait --timeout 900
    """

    def resumed(hub: Endpoints) -> InferenceEndpoint:
        found = hub.resume(name)
        return _waited(hub, found.id, timeout) if wait else found

    _changed(resumed, _of(endpoints_url, hub_url), as_json=as_json)


@endpoints.command("scale-to-zero")
def _scale_to_zero(
    name: Name, as_json: Json = False, endpoints_url: ApiUrl = None, hub_url: HubUrl = None
) -> None:
    """Puts it to rest until the next request; that is free.

    Example:

      hfrouter endpoints scale-to-zero my-endpoint
    """
    _changed(lambda hub: hub.scale_to_zero(name), _of(endpoints_url, hub_url), as_json=as_json)


@endpoints.command("delete")
def _delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: Json = False,
    endpoints_url: ApiUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Removes an endpoint for good. Asks for its name, unless --yes is given.

    Example:

      hfrouter endpoints delete my-endpoint --yes
    """
    with complaining():
        hub = _of(endpoints_url, hub_url)
        if not yes:
            _ask_back(hub.get(name))
        hub.delete(name)
        if as_json:
            show_json({"deleted": name})
        else:
            say(f"{name} is deleted.")


@endpoints.command("wait")
def _wait(
    name: Name,
    timeout: Seconds = _WAITED,
    as_json: Json = False,
    endpoints_url: ApiUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Waits until it runs and answers.

    Fails where it is paused or has failed.

    Example:

      hfrouter endpoints wait my-endpoint --timeout 900
    """
    _changed(lambda hub: _waited(hub, name, timeout), _of(endpoints_url, hub_url), as_json=as_json)


@endpoints.command("metrics")
def _metrics(name: Name, as_json: Json = False, endpoints_url: ApiUrl = None, hub_url: HubUrl = None) -> None:
    """What is measured of it now: requests, latencies, load.

    For organisations with a Team or Enterprise plan.

    Example:

      hfrouter endpoints metrics my-org/my-endpoint
    """
    with complaining():
        found = _of(endpoints_url, hub_url).metrics(name)
        if as_json:
            show_json(
                [asdict(each) | {"value": each.value if isfinite(each.value) else None} for each in found]
            )
            return
        if not found:
            say("Nothing is measured of it yet.")
            return
        rows = [
            [each.name, " ".join(each.labels.values()), f"{each.value:,.10g} {each.unit}".rstrip()]
            for each in found
        ]
        show_table([("metric", "left"), ("of", "left"), ("value", "right")], rows)


# -- what they share --------------------------------------------------------------------------------------


def _of(endpoints_url: str | None, hub_url: str | None, namespace: str | None = None) -> Endpoints:
    with complaining():
        return Endpoints(client(None, None, hub_url, endpoints_url=endpoints_url), namespace)


def _changed(do: Callable[[Endpoints], InferenceEndpoint], hub: Endpoints, *, as_json: bool) -> None:
    with complaining():
        _show_one(do(hub), as_json=as_json)


def _waited(hub: Endpoints, name: str, timeout: float) -> InferenceEndpoint:
    with going_on(f"{name} starts all the same, and is paid for: hfrouter endpoints pause {name}"):
        return hub.wait(name, timeout)


def _ask_back(found: InferenceEndpoint) -> None:
    if not somebody_is_here():
        raise ConfigError(f"{found.id} is not deleted: nobody is here to confirm it.", hint="Pass --yes.")
    told = f"{found.id} ({found.status}) will be gone for good. Its name, to confirm"
    typed = typer.prompt(clean(told), err=True)
    if typed.strip() not in (found.name, found.id):
        raise ConfigError(f"{found.id} is not deleted: {typed!r} is not its name.")


def _show_all(hub: Endpoints, *, as_json: bool) -> None:
    found = hub.list(prices=True)
    if as_json:
        show_json([one.as_dict() for one in found])
        return
    if not found:
        say("There are no endpoints. `hfrouter endpoints create --help` says how to make one.")
        return
    titles = [("endpoint", "left"), ("state", "left"), ("instance", "left")]
    rows = [
        [
            f"{one.id}\n  {one.repository}",
            one.status,
            f"{one.instance_type} {one.instance_size}",
            money(one.usd_per_hour),
        ]
        for one in found
    ]
    show_table([*titles, ("USD/h", "right")], rows)


def _show_one(found: InferenceEndpoint, *, as_json: bool) -> None:
    if as_json:
        show_json(found.as_dict())
        return
    for name, value in _facts(found):
        if value:
            tell(f"{name:<12}{value}", hang=12)


def _facts(found: InferenceEndpoint) -> list[tuple[str, Any]]:
    sleeps = found.scale_to_zero_after
    return [
        ("endpoint", found.id),
        ("state", f"{found.status}: {found.message}" if found.message else found.status),
        ("model", found.repository),
        ("revision", found.revision),
        ("task", found.task),
        ("container", found.image),
        ("runs on", f"{found.instance_type} {found.instance_size} at {found.vendor} in {found.region}"),
        ("price", found.usd_per_hour is not None and f"{money(found.usd_per_hour)} USD an hour a replica"),
        ("replicas", _replicas(found)),
        ("sleeps", sleeps is not None and f"after {sleeps} minutes without a request"),
        ("access", found.access),
        ("address", found.url),
        ("created", found.created_at),
        ("updated", found.updated_at),
    ]


def _replicas(found: InferenceEndpoint) -> str:
    ready = "?" if found.ready_replica is None else found.ready_replica
    if found.max_replica is None:
        return ""
    same = found.min_replica == found.max_replica
    return (
        f"{ready} of {found.max_replica}" if same else f"{ready} of {found.min_replica}–{found.max_replica}"
    )
