"""The login that the original brings along."""

import proto.messages as pb
from django.contrib.auth import authenticate
from rest_framework_simplejwt.tokens import RefreshToken

from . import FPSReceiver, receive


class AuthenticationReceiver(FPSReceiver):
    @receive(auth=False)
    def login(self, message: pb.RxLogin):
        user = authenticate(
            username=message.proto.username, password=message.proto.password
        )
        if user is None:
            error = pb.LoginError(error_text="who is that?", error_code="login-error")
            return self.consumer.send_message(pb.TxLoginError(error))
        refresh = RefreshToken.for_user(user)
        token = pb.LoginToken(token=str(refresh.access_token), refresh=str(refresh))
        self.consumer.send_message(pb.TxLoginToken(token))
        self.consumer.user = user
