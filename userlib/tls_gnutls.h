/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the three GnuTLS files share. */
#ifndef QUIC_USERLIB_TLS_GNUTLS_H
#define QUIC_USERLIB_TLS_GNUTLS_H

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include "ctx.h"
#include "tls.h"

struct quic_tls_creds {
	gnutls_certificate_credentials_t cert;
	gnutls_psk_client_credentials_t psk_client;
	gnutls_psk_server_credentials_t psk_server;
};

struct quic_tls_priv {
	gnutls_typed_vdata_st verify[2];	/* GnuTLS keeps a pointer */
	unsigned int cert_status;	/* what is wrong with a certificate nobody had to show */
	unsigned int hellos;		/* client: sent */
};

#endif /* QUIC_USERLIB_TLS_GNUTLS_H */
