"""What is in store."""

import proto.messages as pb
import proto_socket_django as psd

from chat.groups import UserGroups


def everybody_in(group):
    return [group]


class StockReceiver(psd.FPSReceiver):
    @psd.receive(["auth.add_user", "auth.change_user"], whitelist_groups=(UserGroups.staff,))
    def close_shop(self, message: pb.RxCloseShop):
        pass

    @psd.receive()
    def order_article(self, message: pb.RxOrderArticle):
        user = self.consumer.user
        print(user.username, "orders", message.proto.article)

    @psd.receive(whitelist_groups=everybody_in("staff"))
    def audit(self, message: pb.RxAudit):
        pass

    @psd.receive(permissions=["auth.view_user"], auth=False)
    def count_everything(self, message: pb.RxCountStock):
        def count():
            # Takes its time.
            return None

        return self.continue_async(count)

    @psd.receive()
    def without_message(self, message):
        pass
