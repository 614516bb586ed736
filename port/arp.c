/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP (RFC 826, RFC 1122 2.3.2, RFC 5227), instead of lwIP's etharp.c: the
 * messages only. What they say goes to the table in neighbours.c.
 */
#include <string.h>

#include "lwip.h"

#include "lwip/prot/etharp.h"
#include "lwip/prot/iana.h"

#include "neighbours.h"

/* --- out ------------------------------------------------------------------ */

/* Sends a message from NETIF; DEST is where the frame goes. */
static err_t send_arp(struct netif *netif, enum etharp_opcode opcode,
		      const uint8_t target_mac[6], const ip4_addr_t *target,
		      const struct eth_addr *dest)
{
	struct pbuf *p = pbuf_alloc(PBUF_LINK, SIZEOF_ETHARP_HDR, PBUF_RAM);
	struct etharp_hdr *hdr;
	struct eth_addr src;
	err_t err;

	if (!p)
		return ERR_MEM;
	hdr = p->payload;
	hdr->hwtype = PP_HTONS(LWIP_IANA_HWTYPE_ETHERNET);
	hdr->proto = PP_HTONS(ETHTYPE_IP);
	hdr->hwlen = ETH_HWADDR_LEN;
	hdr->protolen = sizeof(ip4_addr_t);
	hdr->opcode = lwip_htons(opcode);
	memcpy(src.addr, netif->hwaddr, sizeof(src.addr));
	memcpy(&hdr->shwaddr, netif->hwaddr, ETH_HWADDR_LEN);
	memcpy(&hdr->sipaddr, netif_ip4_addr(netif), sizeof(hdr->sipaddr));
	memcpy(&hdr->dhwaddr, target_mac, ETH_HWADDR_LEN);
	memcpy(&hdr->dipaddr, target, sizeof(hdr->dipaddr));
	err = ethernet_output(netif, p, &src, dest, ETHTYPE_ARP);
	pbuf_free(p);
	return err;
}

void skli_arp_ask(struct netif *netif, const ip4_addr_t *addr,
		  const uint8_t *mac)
{
	struct eth_addr dest = ethbroadcast;

	if (mac)
		memcpy(dest.addr, mac, sizeof(dest.addr));
	send_arp(netif, ARP_REQUEST, ethzero.addr, addr, &dest);
}

err_t etharp_request(struct netif *netif, const ip4_addr_t *ipaddr)
{
	return send_arp(netif, ARP_REQUEST, ethzero.addr, ipaddr,
			&ethbroadcast);
}

/* The next hop towards DEST, or NULL when there is no gateway. */
static const ip4_addr_t *next_hop(struct netif *netif, const ip4_addr_t *dest)
{
	const ip4_addr_t *gateway;

	if (ip4_addr_net_eq(dest, netif_ip4_addr(netif),
			    netif_ip4_netmask(netif)) ||
	    ip4_addr_islinklocal(dest))
		return dest;
	gateway = LWIP_HOOK_ETHARP_GET_GW(netif, dest);
	if (gateway)
		return gateway;
	if (ip4_addr_isany(netif_ip4_gw(netif)))
		return NULL;
	return netif_ip4_gw(netif);
}

err_t etharp_output(struct netif *netif, struct pbuf *q,
		    const ip4_addr_t *ipaddr)
{
	struct eth_addr src;
	struct eth_addr dest = ethbroadcast;
	const ip4_addr_t *hop;
	const uint8_t *mac;
	ip_addr_t addr;
	err_t err;

	memcpy(src.addr, netif->hwaddr, sizeof(src.addr));
	if (ip4_addr_ismulticast(ipaddr)) { /* RFC 1112 6.4 */
		dest.addr[0] = LL_IP4_MULTICAST_ADDR_0;
		dest.addr[1] = LL_IP4_MULTICAST_ADDR_1;
		dest.addr[2] = LL_IP4_MULTICAST_ADDR_2;
		dest.addr[3] = ip4_addr2(ipaddr) & 0x7f;
		dest.addr[4] = ip4_addr3(ipaddr);
		dest.addr[5] = ip4_addr4(ipaddr);
	} else if (!ip4_addr_isbroadcast(ipaddr, netif)) {
		hop = next_hop(netif, ipaddr);
		if (!hop)
			return ERR_RTE;
		ip_addr_copy_from_ip4(addr, *hop);
		err = skli_neighbour_resolve(netif, &addr, q, &mac);
		if (!mac)
			return err;
		memcpy(dest.addr, mac, sizeof(dest.addr));
	}
	return ethernet_output(netif, q, &src, &dest, ETHTYPE_IP);
}

/* --- in ------------------------------------------------------------------- */

static int is_valid(const struct pbuf *p)
{
	const struct etharp_hdr *hdr = p->payload;

	return p->len >= SIZEOF_ETHARP_HDR &&
	       hdr->hwtype == PP_HTONS(LWIP_IANA_HWTYPE_ETHERNET) &&
	       hdr->proto == PP_HTONS(ETHTYPE_IP) &&
	       hdr->hwlen == ETH_HWADDR_LEN &&
	       hdr->protolen == sizeof(ip4_addr_t) &&
	       (hdr->shwaddr.addr[0] & 1) == 0; /* no group is a neighbour */
}

void etharp_input(struct pbuf *p, struct netif *netif)
{
	const struct etharp_hdr *hdr = p->payload;
	struct skli_heard heard = {.override = 1};
	ip4_addr_t sender, target;
	ip_addr_t addr;
	int for_us;

	if (!is_valid(p) || ip4_addr_isany(netif_ip4_addr(netif)))
		goto done;
	memcpy(&sender, &hdr->sipaddr, sizeof(sender));
	memcpy(&target, &hdr->dipaddr, sizeof(target));
	for_us = ip4_addr_eq(&target, netif_ip4_addr(netif));
	/* RFC 826: learn from what is addressed to us, or is known already. A
	 * sender of 0 is probing (RFC 5227 2.1.1), ours is a conflict. */
	if (!ip4_addr_isany(&sender) && !ip4_addr_ismulticast(&sender) &&
	    !ip4_addr_isbroadcast(&sender, netif) &&
	    !ip4_addr_eq(&sender, netif_ip4_addr(netif))) {
		heard.mac = hdr->shwaddr.addr;
		heard.create = for_us && hdr->opcode == PP_HTONS(ARP_REQUEST);
		heard.solicited = for_us && hdr->opcode == PP_HTONS(ARP_REPLY);
		ip_addr_copy_from_ip4(addr, sender);
		skli_neighbour_hear(netif, &addr, heard);
	}
	if (for_us && hdr->opcode == PP_HTONS(ARP_REQUEST))
		send_arp(netif, ARP_REPLY, hdr->shwaddr.addr, &sender,
			 &hdr->shwaddr);
done:
	pbuf_free(p);
}

/* As lwIP has them: for the interface whose network holds IPADDR. */
err_t etharp_add_static_entry(const ip4_addr_t *ipaddr,
			      struct eth_addr *ethaddr)
{
	struct netif *netif = ip4_route(ipaddr);
	ip_addr_t addr;

	if (!netif)
		return ERR_RTE;
	ip_addr_copy_from_ip4(addr, *ipaddr);
	return skli_neighbour_add(netif, &addr, ethaddr->addr);
}

err_t etharp_remove_static_entry(const ip4_addr_t *ipaddr)
{
	struct netif *netif = ip4_route(ipaddr);
	ip_addr_t addr;

	if (!netif)
		return ERR_RTE;
	ip_addr_copy_from_ip4(addr, *ipaddr);
	return skli_neighbour_delete(netif, &addr);
}

void etharp_cleanup_netif(struct netif *netif)
{
	skli_neighbour_flush(netif, 4);
}
