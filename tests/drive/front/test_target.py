import ssl

import pytest

from recorder.drive.front.target import Target
from recorder.errors import UpstreamError, UsageError

from .world import plan


@pytest.mark.parametrize("url", ["http://a:b@gws.example", "gws.example", "ftp://gws.example", "http://gws.example/x"])
def test_other_urls_are_no_targets(url):
    with pytest.raises(UsageError, match="--to"):
        Target.at(url)


def test_a_url_keeps_the_port_unless_the_scheme_has_it():
    assert Target.at("http://GWS.example:80/").url("/") == "http://gws.example/"
    assert Target.at("https://[::1]:8443").url("/a?b#c") == "https://[::1]:8443/a?b"


@pytest.mark.parametrize("path", ["", "a", "@other/", "http://other/", "\\other"])
def test_what_does_not_begin_with_a_slash_is_no_path(path):
    with pytest.raises(UpstreamError, match="is no path"):
        Target.at("http://gws.example").url(path)


def test_the_recorded_server_is_known_by_its_address():
    recorded = plan()

    assert Target.at("http://GWS.example:80/").is_recorded(recorded)
    assert not Target.at("https://gws.example").is_recorded(recorded)
    assert not Target.at("http://gws.example.evil").is_recorded(recorded)


def test_certificates_are_checked_unless_told_otherwise(tmp_path):
    (tmp_path / "bad.pem").write_text("no certificate")

    checked = Target.at("https://gws.example").tls()

    assert isinstance(checked, ssl.SSLContext)
    assert checked.verify_mode is ssl.CERT_REQUIRED
    assert Target.at("https://gws.example", insecure=True).tls() is False
    with pytest.raises(UsageError, match=r"bad\.pem"):
        Target.at("https://gws.example", ca=(tmp_path / "bad.pem",)).tls()
    with pytest.raises(UsageError, match=r"missing\.pem"):
        Target.at("https://gws.example", ca=(tmp_path / "missing.pem",)).tls()
