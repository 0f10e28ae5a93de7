"""Where the attachment's function answers: to CloudFormation, and nowhere else."""

from __future__ import annotations

import pytest

from client_connect_attachment.attachment import AnswerRefused, handler

BUCKET = "cloudformation-custom-resource-response-"
PATH = "/arn%3Aaws%3Acloudformation/answer?X-Amz-Signature=secret"


class Context:
    """Lambda's context; the function has no time left, so nothing is done."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return none."""
        return 0


@pytest.fixture(autouse=True)
def _in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("client_connect_attachment.attachment.Resource.perform", lambda _: None)
    monkeypatch.setattr("client_connect_attachment.attachment.Resource.require_operation", lambda _: None)


def answered(url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the function answer, and return the URLs that it used."""
    urls: list[str] = []

    class Opened:
        def close(self) -> None:
            """Do nothing."""

    def opened(request: object, *, timeout: float) -> Opened:
        assert timeout
        urls.append(request.full_url)  # type: ignore[attr-defined]
        return Opened()

    monkeypatch.setattr("urllib.request.urlopen", opened)
    event = {"RequestType": "Create", "StackId": "s", "LogicalResourceId": "l", "RequestId": "r"}
    handler(event | {"ResponseURL": url}, Context)
    return urls


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", f"{BUCKET}eucentral1.s3.eu-central-1.amazonaws.com"),
        ("us-east-1", f"{BUCKET}useast1.s3.amazonaws.com"),
        ("eu-west-1", f"{BUCKET}euwest1.s3-eu-west-1.amazonaws.com"),
        ("ap-southeast-7", f"{BUCKET}ap-southeast-7.s3.ap-southeast-7.amazonaws.com"),
        ("eu-west-1", f"{BUCKET}euwest1.s3.dualstack.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", f"{BUCKET}usgovwest1.s3-fips.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", f"{BUCKET}cnnorth1.s3.cn-north-1.amazonaws.com.cn"),
        ("us-iso-east-1", f"{BUCKET}usisoeast1.s3.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", f"{BUCKET}usisobeast1.s3.us-isob-east-1.sc2s.sgov.gov"),
        ("eusc-de-east-1", f"{BUCKET}euscdeeast1.s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_cloudformation_is_answered_in_all_partitions(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    """Its buckets are named after the Region."""
    monkeypatch.setenv("AWS_REGION", region)
    url = f"https://{host}{PATH}"
    assert answered(url, monkeypatch) == [url]


@pytest.mark.parametrize(
    "url",
    [
        "http://HOST/",
        "https://user@HOST/",
        "https://HOST:8443/",
        "https://HOST.attacker.example/",
        "https://attacker.example/HOST",
        "https://attacker.example#@HOST/",
        "https://attacker.example\\@HOST/",
        "https://mallory.s3.eu-central-1.amazonaws.com/",
        f"https://{BUCKET}mallory.s3.eu-central-1.amazonaws.com/",
        f"https://{BUCKET}euwest1.s3.eu-west-1.amazonaws.com/",
        "https://abc.execute-api.eu-central-1.amazonaws.com/",
        f"https://{BUCKET}eucentral1xs3.eu-central-1.amazonaws.com/",
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:9001/",
        "https://localhost/",
        "file:///etc/passwd",
        "ftp://HOST/",
        "",
        "HOST",
    ],
)
def test_nobody_else_is_answered(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The function fails before it does anything."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    host = f"{BUCKET}eucentral1.s3.eu-central-1.amazonaws.com"
    with pytest.raises(AnswerRefused, match="which is not a bucket of CloudFormation's") as refused:
        answered(url.replace("HOST", host) + "?secret", monkeypatch)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"])
def test_an_emulator_is_answered_on_this_machine(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Only where EC2 is emulated on this machine too, as it never is in AWS."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv(variable, "http://127.0.0.1:4566")
    assert answered("http://127.0.0.1:4566/answer", monkeypatch)
    with pytest.raises(AnswerRefused):
        answered("http://192.0.2.1:4566/answer", monkeypatch)
    monkeypatch.setenv(variable, "https://ec2.eu-central-1.amazonaws.com")
    with pytest.raises(AnswerRefused):
        answered("http://127.0.0.1:4566/answer", monkeypatch)
