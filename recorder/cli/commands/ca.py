"""Implement `recorder ca`."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import UsageError
from ..options import OUTPUT, ca_dir_option, force_option, json_option

# each with a way back: a CA that reads TLS is not to be trusted for longer than it is needed
_TRUST = {
    "Debian, Ubuntu": "sudo cp {pem} /usr/local/share/ca-certificates/recorder.crt && sudo update-ca-certificates",
    "Fedora, RHEL": "sudo cp {pem} /etc/pki/ca-trust/source/anchors/recorder.pem && sudo update-ca-trust",
    "macOS": "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {pem}",
    "Windows": "certutil -addstore -user Root {cer}",
    "Chromium, one profile": "chromium --user-data-dir=DIR --ignore-certificate-errors-spki-list={spki}",
    "Chromium on Linux": 'certutil -d sql:"$HOME/.pki/nssdb" -A -t C,, -n recorder -i {pem}',
    "Firefox": "Settings, Privacy & Security, View Certificates, Authorities, Import: {pem}",
    "Node": "NODE_EXTRA_CA_CERTS={pem}",
    "Java": "keytool -importcert -cacerts -storepass changeit -noprompt -alias recorder -file {pem}",
    "Python": "SSL_CERT_FILE={pem} REQUESTS_CA_BUNDLE={pem}",
    "curl": "curl --cacert {pem}",
}


@click.command("ca")
@click.option("--print", "printed", is_flag=True, help="Print the certificate (PEM).")
@click.option("--spki", is_flag=True, help="Print the hash of the certificate's public key, for a flag of Chromium.")
@click.option("-o", "--output", type=OUTPUT, help="Write the certificate (PEM) into a file.")
@ca_dir_option
@force_option
@json_option
def command(*, printed: bool, spki: bool, output: Path | None, ca_dir: Path | None, force: bool, as_json: bool) -> None:
    """Show the CA that clients must trust while they are recorded over TLS, and the commands that install the CA.

    If there is no CA, one is made. Anybody who has the private key of the CA can read the traffic of all clients that
    trust the CA: remove the CA from the clients after the recording.

    \b
    Example:  recorder ca
              recorder ca -o recorder-ca.pem
              recorder ca --json | jq -r .pem
    """
    try:
        from ...capture.mitm.ca import authority
    except ModuleNotFoundError as exc:
        raise UsageError("the CA is mitmproxy's: pip install 'outbound-recorder[record]'") from exc
    from ..output import json_text
    from ..writing import must_be_writable, write_text

    if sum((printed, spki, as_json, output is not None)) > 1:
        raise UsageError("give one of --print, --spki, -o and --json")
    if output is not None:
        must_be_writable(output, force=force)
    found = authority(ca_dir)
    values = {"pem": str(found.pem), "cer": str(found.cer), "p12": str(found.p12), "spki": found.spki}
    trust = {where: how.format(**values) for where, how in _TRUST.items()}
    if output is not None:
        write_text(output, [found.pem.read_text(encoding="utf-8")], force=force, redaction=[])
    elif printed:
        click.echo(found.pem.read_text(encoding="utf-8"), nl=False)
    elif spki:
        click.echo(found.spki)
    elif as_json:
        shown = {"folder": str(found.folder), "sha256": found.sha256, "is_new": found.is_new, **values, "trust": trust}
        click.echo(json_text(shown), nl=False)
    else:
        made = ", made just now" if found.is_new else ""
        click.echo(f"{found.pem}{made}\nSHA-256 {found.sha256}\n\nTo trust it, and only as long as it is needed:\n")
        click.echo("\n".join(f"  {where}\n      {how}" for where, how in trust.items()))
