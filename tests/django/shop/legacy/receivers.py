"""Left over: nothing imports it, and its message is gone."""

import proto.messages as pb
import proto_socket_django as psd


class OldReceiver(psd.FPSReceiver):
    @psd.receive()
    def unknown(self, message: pb.RxUnknown):
        pass


class OldConsumer(psd.ApiWebsocketConsumer):
    receivers = [OldReceiver]
