"""An FTP server with MLSD for one user and one folder, with TLS when given a certificate.

Usage: ftp.py FOLDER PORT USER [CERTIFICATE KEY]; the password is FTP_PASSWORD of the environment.
With a certificate it is TLS from the first byte, as the scheme ftps says.
"""
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

folder, port, user = sys.argv[1:4]
authorizer = DummyAuthorizer()
authorizer.add_user(user, os.environ["FTP_PASSWORD"], folder, perm="elr")


class PatientDataHandler(TLS_DTPHandler):
    """Does not hang up on a client that is done with TLS before it asks for a file."""

    def readable(self):
        return self._ssl_want_read or self.receive


class ImplicitTlsHandler(TLS_FTPHandler):
    dtp_handler = PatientDataHandler

    def handle(self):
        self.secure_connection(self.ssl_context)

    def handle_ssl_established(self):
        super().handle()


if len(sys.argv) > 4:
    handler = ImplicitTlsHandler
    handler.certfile, handler.keyfile = sys.argv[4:6]
    handler.tls_control_required = handler.tls_data_required = True
else:
    handler = FTPHandler
handler.authorizer = authorizer
handler.auth_failed_timeout = 0.1
FTPServer(("127.0.0.1", int(port)), handler).serve_forever()
