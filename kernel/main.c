// SPDX-License-Identifier: GPL-2.0
/*
 * The module: layers come up from the bottom and go down from the top. Every
 * QUIC socket holds a reference on the module, so that none is left at exit.
 */
#include <linux/module.h>
#include <linux/net.h>

#include "crypto/crypto.h"
#include "net/net.h"
#include "observe/observe.h"
#include "sock/sock.h"

static int __init quic_init(void)
{
	int err;

	err = quic_crypto_init();
	if (err)
		return err;
	err = quic_net_init();
	if (err)
		goto no_net;
	err = quic_observe_init();
	if (err)
		goto no_observe;
	err = quic_sock_init();
	if (!err)
		return 0;

	quic_observe_exit();
no_observe:
	quic_net_exit();
no_net:
	quic_crypto_exit();
	return err;
}

static void __exit quic_exit(void)
{
	quic_sock_unregister();
	quic_observe_exit();
	quic_net_exit();
	quic_sock_exit();
	quic_crypto_exit();
}

module_init(quic_init);
module_exit(quic_exit);

MODULE_DESCRIPTION("QUIC transport protocol (RFC 9000)");
MODULE_LICENSE("GPL");
/* What socket(AF_INET or AF_INET6, SOCK_STREAM or SOCK_DGRAM, IPPROTO_QUIC) asks modprobe for. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 261, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 261, 2);
MODULE_ALIAS_NET_PF_PROTO(PF_INET, 261);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 261, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 261, 2);
MODULE_ALIAS_NET_PF_PROTO(PF_INET6, 261);
