"""``acache doctor``."""

from __future__ import annotations

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import EXIT_PROBLEMS, choices, common_options, json_option


@click.command(name="doctor", cls=GroupedHelp)
@json_option
@common_options
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Check settings, disk and store; show how to fix problems.

    The exit code is 3 if there is a problem; warnings do not change it.

    \b
    Examples:
      acache doctor
      acache doctor --python ~/project/.venv/bin/python
      acache doctor --json | jq -r '.checks[].fix // empty'
    """
    from acache.operations.doctor.registry import examine
    from acache.render.progress import scanning

    config = choices(ctx).config()
    with scanning() as progress:
        checks = examine(config, progress=progress)
    if as_json:
        from acache.render.json.doctor import doctor_document

        click.echo(doctor_document(checks))
    else:
        from acache.render.tables.doctor import print_checks

        print_checks(checks)
    if any(check.status == "problem" for check in checks):
        ctx.exit(EXIT_PROBLEMS)
