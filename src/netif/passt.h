/* SPDX-License-Identifier: BSD-3-Clause */
/* What the passt device's interface is when the configuration is silent. */
#ifndef SKLI_NETIF_PASST_H
#define SKLI_NETIF_PASST_H

/* Words of a configuration: addresses and gateways that passt is told of. */
extern const char skli_passt_defaults[];

#endif
