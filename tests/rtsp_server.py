"""A real RTSP server for tests (GStreamer's), run by the system's Python, which has `gi`.

    rtsp_server.py [--only USER:PASSWORD] MOUNT=FILE...

Prints its port. Each client gets the file from its beginning, at its own pace; with `--only` after Digest
authentication.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

Gst.init(None)
arguments = sys.argv[1:]
credentials = arguments[1].split(":", 1) if arguments[0] == "--only" else None
server = GstRtspServer.RTSPServer()
server.set_service("0")
if credentials:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "reader")
    auth.add_digest(*credentials, token)
    server.set_auth(auth)
for argument in arguments[2:] if credentials else arguments:
    mount, _, file = argument.partition("=")
    codec = "h265" if file.endswith(".hevc.mp4") else "h264"
    demuxer = "tsdemux" if file.endswith(".ts") else "qtdemux"
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( filesrc location="{file}" ! {demuxer} ! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )'
    )
    if credentials:
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
