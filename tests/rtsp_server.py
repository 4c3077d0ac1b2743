"""A real RTSP server for tests (GStreamer's), run by the system's Python, which has `gi`.

    rtsp_server.py [--only USER:PASSWORD] [--tls CERTIFICATE KEY] MOUNT=FILE...

Prints its port. Each client gets the file from its beginning, at its own pace; with `--only` after Digest
authentication, with `--tls` over TLS alone.
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--only")
parser.add_argument("--tls", nargs=2)
parser.add_argument("mounts", nargs="+")
arguments = parser.parse_args()
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_service("0")
if arguments.only or arguments.tls:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "reader")
    if arguments.only:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(*arguments.only.split(":", 1), token)
    else:
        auth.set_default_token(token)
    if arguments.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*arguments.tls))
    server.set_auth(auth)
for argument in arguments.mounts:
    mount, _, file = argument.partition("=")
    codec = "h265" if file.endswith(".hevc.mp4") else "h264"
    demuxer = "tsdemux" if file.endswith(".ts") else "qtdemux"
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( filesrc location="{file}" ! {demuxer} ! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )'
    )
    if server.get_auth():
        role = Gst.Structure.new_empty("reader")
        role.set_value("media.factory.access", True)
        role.set_value("media.factory.construct", True)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role_from_structure(role)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(f"/{mount}", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
