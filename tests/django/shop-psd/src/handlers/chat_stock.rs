use psd_core::{Connection, Continue, Error, Identity, receive};

use super::not_moved;
use crate::{consumers::BaseConsumer, pb};

/// `StockReceiver.close_shop`, chat/stock.py:15.
#[receive(
    consumer = BaseConsumer,
    permissions = ["auth.add_user", "auth.change_user"],
    whitelist_groups = ["staff"]
)]
pub async fn close_shop(message: pb::CloseShop) -> Result<(), Error> {
    // pass
    Err(not_moved("StockReceiver.close_shop"))
}

/// `StockReceiver.order_article`, chat/stock.py:19.
#[receive(consumer = BaseConsumer, auth)]
pub async fn order_article(
    message: pb::OrderArticle,
    user: Identity,
    connection: Connection,
) -> Result<(), Error> {
    // user = self.consumer.user
    // print(user.username, "orders", message.proto.article)
    Err(not_moved("StockReceiver.order_article"))
}

/// `StockReceiver.audit`, chat/stock.py:24.
#[receive(consumer = BaseConsumer, permissions = ["psd.untranslated"])]
pub async fn audit(message: pb::Audit) -> Result<(), Error> {
    // pass
    Err(not_moved("StockReceiver.audit"))
}

/// `StockReceiver.count_everything`, chat/stock.py:28.
#[receive(consumer = BaseConsumer, permissions = ["auth.view_user"], any_name)]
pub async fn count_everything(message: pb::CountStock) -> Result<Continue, Error> {
    // Goes on when it has returned: `Continue::blocking` for a function, `Continue::future` for a coroutine.
    // def count():
    //     # Takes its time.
    //     return None
    //
    // return self.continue_async(count)
    Err(not_moved("StockReceiver.count_everything"))
}
