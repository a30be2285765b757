"""A server that speaks S3, in a thread of the tests, with buckets and keys of its own."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
"""The server takes every key until it is told otherwise."""


@dataclass(frozen=True)
class Server:
    """Where it answers."""

    host: str
    port: int

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=f"http://{self.host}:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    @contextmanager
    def only_known_keys(self) -> Iterator[None]:
        """Refuses keys of which it does not know whose they are."""
        import requests

        url = f"http://{self.host}:{self.port}/moto-api/reset-auth"
        requests.post(url, data="0", timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.post(url, data="inf", timeout=10).raise_for_status()

    @contextmanager
    def reader(self) -> Iterator[str]:
        """The keys, as `KEY:SECRET` of a URI, of somebody who may only read."""
        actions = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [actions]})
        client = self.client("iam")
        client.create_user(UserName="reader")
        client.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
        keys = client.create_access_key(UserName="reader")["AccessKey"]
        with self.only_known_keys():
            yield f"{keys['AccessKeyId']}:{quote(keys['SecretAccessKey'], safe='')}"

    def uri(self, place: str) -> str:
        return f"s3://{place}?endpoint_override=http://{self.host}:{self.port}&region=us-east-1"


@contextmanager
def s3_server(*buckets: str) -> Iterator[Server]:
    """Serves these empty buckets on a free port."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        server = Server(*running.get_host_and_port())
        for bucket in buckets:
            server.client("s3").create_bucket(Bucket=bucket)
        yield server
    finally:
        running.stop()
