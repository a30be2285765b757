"""`raytd schema`: what an editor has to know of sweep files."""

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of sweep files.

    An editor that knows YAML completes keys and marks mistakes in a file that begins with the line

        # yaml-language-server: $schema=schema.json
    """
    from raytd.sweep.file.schema import sweep_schema

    click.echo(json.dumps(sweep_schema(), indent=1, ensure_ascii=False))
