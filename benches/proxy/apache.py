"""An Apache of our own on loopback, with Debian's mod_auth_mellon: nothing of the system's configuration is used."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from . import load
from .servers import KILOBYTE

MODULES = Path("/usr/lib/apache2/modules")
WANTED = ["mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "alias", "auth_mellon"]
ENTITY = "http://mellon.test/saml"
# As Debian's packages set them.
PACKAGED = """StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
Timeout 300
LogLevel warn
CustomLog {place}/access.log "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\""
MellonCacheSize 100
"""
# One process, all threads there from the start, no access log, connections that stay.
BEST = """StartServers 1
ServerLimit 1
ThreadLimit 32
ThreadsPerChild 32
MinSpareThreads 1
MaxSpareThreads 32
MaxRequestWorkers 32
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LogLevel error
MellonCacheSize 100
"""
CONFIGURATION = """ServerRoot {place}
ServerName {authority}
Listen 127.0.0.1:{port}
PidFile {place}/pid
ErrorLog {place}/error.log
DefaultRuntimeDir {place}
Mutex pthread
{modules}
{user}
DocumentRoot {place}/pages
TypesConfig /dev/null
AddType text/html .html
{tuning}
MellonLockFile {place}/mellon.lock
MellonPostDirectory {place}/posts
<Directory {place}/pages>
  Require all granted
</Directory>
<Location />
  MellonEnable info
  MellonEndpointPath /mellon
  MellonSPPrivateKeyFile {key}
  MellonSPCertFile {certificate}
  MellonSPMetadataFile {place}/sp.xml
  MellonIdPMetadataFile {place}/idp.xml
  MellonSecureCookie Off
  MellonUser NAME_ID
  MellonMergeEnvVars On
</Location>
<Location /open>
  MellonEnable off
</Location>
<Location /private>
  MellonEnable auth
  AuthType Mellon
  Require valid-user
</Location>
"""
MD = 'xmlns="urn:oasis:names:tc:SAML:2.0:metadata"'
P = "urn:oasis:names:tc:SAML:2.0:protocol"
B = "urn:oasis:names:tc:SAML:2.0:bindings"


def why_not() -> str | None:
    """What is missing, if anything."""
    if not shutil.which("apache2"):
        return "Debian's apache2-bin is not installed (tools/setup.sh bench)"
    if not (MODULES / "mod_auth_mellon.so").exists():
        return "Debian's libapache2-mod-auth-mellon is not installed (tools/setup.sh bench)"
    return None


def _key_descriptor(certificate: str, use: str) -> str:
    ds = "http://www.w3.org/2000/09/xmldsig#"
    return (
        f'<KeyDescriptor use="{use}"><ds:KeyInfo xmlns:ds="{ds}"><ds:X509Data><ds:X509Certificate>{certificate}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"
    )


def _text(path: str) -> str:
    return "".join(Path(path).read_text().split("-----")[2].split())


class Apache:
    """Runs as a context; `best` or as packaged."""

    def __init__(self, place: Path, best: bool, idp: dict, service: dict, issuer: str):
        self.place = place
        self.best, self.idp, self.service, self.issuer = best, idp, service, issuer
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.authority = f"127.0.0.1:{self.port}"
        self.acs = f"http://{self.authority}/mellon/postResponse"

    def __enter__(self):
        for folder in ("pages/open", "pages/private", "posts"):
            (self.place / folder).mkdir(parents=True)
        for folder in ("open", "private"):
            (self.place / "pages" / folder / "page.html").write_text(KILOBYTE)
        self._metadata()
        modules = [name for name in WANTED if (MODULES / f"mod_{name}.so").exists()]
        user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
        if user:  # The children are nobody in particular, and have to read and write here.
            for folder, _, files in os.walk(self.place):
                os.chmod(folder, 0o777)
                for file in files:
                    os.chmod(Path(folder) / file, 0o644)
            os.chmod(self.place.parent, 0o711)
        for key in (self.service["key"], self.service["certificate"]):
            os.chmod(key, 0o644)
        modules.append("log_config") if (MODULES / "mod_log_config.so").exists() else None
        text = CONFIGURATION.format(
            place=self.place,
            authority=self.authority,
            port=self.port,
            modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules),
            user=user,
            tuning=(BEST if self.best else PACKAGED).format(place=self.place),
            key=self.service["key"],
            certificate=self.service["certificate"],
        )
        file = self.place / "apache.conf"
        file.write_text(text)
        # xmlsec has OpenSSL load the system's certificates for each signature; nothing of them is of use here.
        environment = {"PATH": os.environ["PATH"]} | ({"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"} if self.best else {})
        command = load.on_core(load.PROXY_CORE, ["apache2", "-d", str(self.place), "-f", str(file), "-DFOREGROUND"])
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._wait()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        """The parent; `taskset` has become it."""
        return self.process.pid

    def log(self) -> str:
        """The end of what it logged."""
        file = self.place / "error.log"
        return file.read_text(errors="replace")[-2000:] if file.exists() else ""

    def _wait(self):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"Apache did not start: {self.process.stdout.read().decode()}{self.log()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"Apache does not answer: {self.log()}")

    def _metadata(self):
        certificate = _text(self.idp["certificate"])
        (self.place / "idp.xml").write_text(
            f'<EntityDescriptor {MD} entityID="{self.issuer}"><IDPSSODescriptor protocolSupportEnumeration="{P}">'
            f'{_key_descriptor(certificate, "signing")}'
            f'<SingleSignOnService Binding="{B}:HTTP-Redirect" Location="https://idp.test/sso"/></IDPSSODescriptor></EntityDescriptor>'
        )
        own = _text(self.service["certificate"])
        (self.place / "sp.xml").write_text(
            f'<EntityDescriptor {MD} entityID="{ENTITY}"><SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true"'
            f' protocolSupportEnumeration="{P}">{_key_descriptor(own, "signing")}{_key_descriptor(own, "encryption")}'
            f'<AssertionConsumerService index="0" isDefault="true" Binding="{B}:HTTP-POST" Location="{self.acs}"/>'
            "</SPSSODescriptor></EntityDescriptor>"
        )
