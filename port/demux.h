/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding TCP connections: lwIP's lists of pcbs, and tables beside them.
 * lwIP's patched sources call this.
 */
#ifndef SKLI_DEMUX_H
#define SKLI_DEMUX_H

#include <stdint.h>

struct ip_addr;
struct tcp_pcb;

/* In every pcb, listening ones too (a patch puts it there). */
struct skli_demux {
	struct tcp_pcb **link;      /* what points to it in its list */
	struct tcp_pcb *conn_next;  /* of its bucket of connections */
	struct tcp_pcb **conn_link; /* NULL: not in that table */
	struct tcp_pcb *port_next;  /* of its bucket of local ports */
	struct tcp_pcb **port_link;
	uint32_t hash; /* of the connection */
};

/*
 * Puts PCB, whose addresses and ports are set, into one of lwIP's four lists
 * and into the tables. When there are too many in TIME-WAIT the oldest goes.
 */
void skli_demux_add(struct tcp_pcb **list, struct tcp_pcb *pcb);

/* Takes it out again. */
void skli_demux_remove(struct tcp_pcb *pcb);

/*
 * The connection (active or in TIME-WAIT) of these addresses and ports (host
 * order), as seen from interface NETIF_INDEX (0: any), or NULL.
 */
struct tcp_pcb *skli_demux_find(const struct ip_addr *remote,
				uint16_t remote_port,
				const struct ip_addr *local,
				uint16_t local_port, uint8_t netif_index);

/*
 * The first pcb, of any list, whose bucket is that of the local port; others
 * follow through demux.port_next. Compare the port.
 */
struct tcp_pcb *skli_demux_port(uint16_t local_port);

#endif
