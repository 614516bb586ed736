/* SPDX-License-Identifier: BSD-3-Clause */
/* The interfaces of a stack, between lwIP and the devices. */
#include "netif/netif.h"

#include "stack/capture.h"
#include "stack/error.h"
#include "stack/stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MTU_DEFAULT 1500

/* lwIP numbers its interfaces in 8 bits. */
#define INTERFACES_MAX 250

/* What lwIP must not compute: devices do, or netif/frame.c. */
#define CHECKSUMS_LEFT                                                        \
 (NETIF_CHECKSUM_GEN_UDP | NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_CHECK_IP | \
  NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP)

/* What lwIP must check in a frame that nobody vouches for. */
#define CHECKSUMS_CHECKED                                \
 (NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_UDP |   \
  NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_ICMP | \
  NETIF_CHECKSUM_CHECK_ICMP6)

static const struct skli_device *const devices[] = {
	&skli_device_tap,   &skli_device_fd,   &skli_device_unix,
	&skli_device_passt, &skli_device_wire,
};

/* ---- Out --------------------------------------------------------------- */

static void frame_sent(struct skli_netif *nif, const struct skli_frame *f,
		       int error)
{
	if (error) {
		nif->counters.tx_dropped++;
		if (error != EAGAIN)
			skli_netif_lost(nif);
		return;
	}
	nif->counters.tx_frames++;
	nif->counters.tx_bytes += f->len;
}

static void finished_send(void *arg, const struct iovec *iov, int iovcnt,
			  size_t len)
{
	struct skli_netif *nif = arg;
	struct skli_frame f = {.iov = iov, .iovcnt = iovcnt, .len = len};

	if (!nif->gone)
		frame_sent(nif, &f, nif->device->send(nif, &f));
}

static void frame_send(struct skli_netif *nif, const struct skli_frame *f)
{
	/* The loopback's frames are captured as they come in, as on Linux. */
	if (nif->capture && nif != nif->stack->netifs)
		skli_capture_frame(nif->capture, f, SKLI_PCAPNG_OUTBOUND);
	if (nif->offload)
		frame_sent(nif, f, nif->device->send(nif, f));
	else if (skli_frame_finish(f, finished_send, nif) < 0)
		nif->counters.tx_dropped++;
}

void skli_netif_flush(struct skli_netif *nif)
{
	struct skli_frame f;

	if (skli_gso_empty(&nif->queue))
		return;
	if (!nif->gone) {
		skli_gso_take(&nif->queue, &f);
		frame_send(nif, &f);
	}
	skli_gso_clear(&nif->queue);
}

static void dirty_add(struct skli_netif *nif)
{
	struct skli_netif **at = &nif->stack->dirty;

	nif->dirty = true;
	while (*at)
		at = &(*at)->dirty_next;
	nif->dirty_next = NULL;
	*at = nif;
}

err_t skli_netif_link_output(struct netif *lwip, struct pbuf *p)
{
	struct skli_netif *nif = lwip->state;

	if (nif->gone)
		return ERR_IF;
	if (!skli_gso_add(&nif->queue, p)) {
		skli_netif_flush(nif);
		if (!skli_gso_add(&nif->queue, p)) {
			nif->counters.tx_dropped++;
			return ERR_MEM;
		}
	}
	/* Also where it's flushed here: the loopback has then to deliver. */
	if (!nif->dirty)
		dirty_add(nif);
	/* Joining is for devices that take the whole: else it is undone. */
	if (!nif->offload || skli_gso_full(&nif->queue))
		skli_netif_flush(nif);
	return ERR_OK;
}

/* ---- In ---------------------------------------------------------------- */

static void capture_input(struct skli_netif *nif, const struct pbuf *p)
{
	struct iovec iov[SKLI_FRAME_IOV];
	struct skli_frame f = {.iov = iov, .len = p->tot_len, .off = p->off};

	for (; p && f.iovcnt < SKLI_FRAME_IOV; p = p->next)
		iov[f.iovcnt++] = (struct iovec){p->payload, p->len};
	skli_capture_frame(nif->capture, &f, SKLI_PCAPNG_INBOUND);
}

/* For this interface: its own address, or a group. */
static bool is_for_us(const struct skli_netif *nif, const struct pbuf *p)
{
	const uint8_t *dest = p->payload;

	return dest[0] & 1 || !memcmp(dest, nif->lwip.hwaddr, ETH_HWADDR_LEN);
}

void skli_netif_input(struct skli_netif *nif, struct pbuf *p)
{
	bool trusted = p->off.flags & (SKLI_CSUM_PARTIAL | SKLI_CSUM_VALID);

	nif->counters.rx_frames++;
	nif->counters.rx_bytes += p->tot_len;
	if (p->len < SIZEOF_ETH_HDR || !is_for_us(nif, p)) {
		nif->counters.rx_dropped++;
		pbuf_free(p);
		return;
	}
	if (nif->capture)
		capture_input(nif, p);
	if (trusted)
		nif->lwip.chksum_flags &= (u16_t)~CHECKSUMS_CHECKED;
	else
		nif->lwip.chksum_flags |= CHECKSUMS_CHECKED;
	if (nif->lwip.input(p, &nif->lwip) != ERR_OK)
		pbuf_free(p);
}

unsigned skli_netif_receive(struct skli_netif *nif, unsigned budget)
{
	int count = nif->gone ? 0 : nif->device->receive(nif, budget);

	if (count < 0)
		skli_netif_lost(nif);
	return count > 0 ? (unsigned)count : 0;
}

void skli_netif_writable(struct skli_netif *nif)
{
	if (!nif->gone && nif->device->writable)
		nif->device->writable(nif);
}

/* Perhaps in the middle of lwIP's output: only marks it. */
void skli_netif_lost(struct skli_netif *nif)
{
	if (nif->gone)
		return;
	nif->gone = true;
	nif->stack->lost = true;
	if (nif->fd >= 0)
		skli_driver_unwatch(nif->stack, nif);
}

static bool another_is_there(const struct skl_stack *s)
{
	for (const struct skli_netif *n = s->netifs->next; n; n = n->next)
		if (!n->gone)
			return true;
	return false;
}

struct netif *skli_stack_loopback(const struct skl_stack *s)
{
	return &s->netifs->lwip;
}

uint8_t skli_stack_only_index(const struct skl_stack *s)
{
	const struct skli_netif *first = s->netifs->next;

	return first && !first->next ? netif_get_index(&first->lwip) : 0;
}

uint8_t skli_stack_index_of(struct skl_stack *s, const char *name)
{
	const struct skli_netif *nif = skli_netif_find(s, name);

	return nif ? netif_get_index(&nif->lwip) : 0;
}

bool skli_netif_bury(struct skl_stack *s)
{
	if (!s->lost)
		return false;
	s->lost = false;
	for (struct skli_netif *n = s->netifs; n; n = n->next) {
		if (!n->gone || n->buried)
			continue;
		n->buried = true;
		netif_set_link_down(&n->lwip);
		skli_hook_netif_lost(s, &n->lwip, another_is_there(s));
	}
	return true;
}

/* ---- Opening and closing ----------------------------------------------- */

/* Locally administered, unicast (IEEE 802-2014 8.4), else random. */
static void mac_draw(struct skli_netif *nif)
{
	uint32_t a = skli_random_u32(&nif->stack->random);
	uint32_t b = skli_random_u32(&nif->stack->random);

	memcpy(nif->lwip.hwaddr, &a, 4);
	memcpy(nif->lwip.hwaddr + 4, &b, 2);
	nif->lwip.hwaddr[0] = (nif->lwip.hwaddr[0] & 0xfc) | 2;
}

static err_t lwip_init_netif(struct netif *lwip)
{
	lwip->mtu = MTU_DEFAULT;
	lwip->mtu6 = MTU_DEFAULT;
	lwip->hwaddr_len = ETH_HWADDR_LEN;
	lwip->output = etharp_output;
	lwip->output_ip6 = ethip6_output;
	lwip->linkoutput = skli_netif_link_output;
	lwip->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
		      NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP |
		      NETIF_FLAG_MLD6;
	lwip->chksum_flags = NETIF_CHECKSUM_ENABLE_ALL & (u16_t)~CHECKSUMS_LEFT;
	return ERR_OK;
}

static const struct skli_device *device_find(const char *spec,
					     const char **argument)
{
	size_t len = strcspn(spec, ":");

	*argument = spec[len] ? spec + len + 1 : "";
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (strlen(devices[i]->name) == len &&
		    !memcmp(devices[i]->name, spec, len))
			return devices[i];
	return NULL;
}

static void netif_append(struct skli_netif *nif)
{
	struct skli_netif **at = &nif->stack->netifs;

	while (*at)
		at = &(*at)->next;
	*at = nif;
}

/* Makes the interface known to lwIP and the driver. */
static int netif_attach(struct skli_netif *nif)
{
	int error;

	if (nif->fd >= 0) {
		error = skli_driver_watch(nif->stack, nif, nif->fd);
		if (error)
			return skli_fail_text(
				error, "a stack has at most %d interfaces",
				SKLI_DRIVER_FDS - 1);
	}
	netif_append(nif);
	netif_set_up(&nif->lwip);
	netif_create_ip6_linklocal_address(&nif->lwip, 1);
	netif_ip6_addr_set_state(&nif->lwip, 0, IP6_ADDR_PREFERRED);
	nif->prefix6[0] = 64;
	return 0;
}

/* netif_add() looks for a free index for ever when there is none. */
static bool has_index_left(const struct skl_stack *s)
{
	unsigned count = 0;

	for (const struct skli_netif *n = s->netifs; n; n = n->next)
		count++;
	return count < INTERFACES_MAX;
}

struct skli_netif *skli_netif_open(struct skl_stack *s, const char *spec,
				   bool offload)
{
	const char *argument;
	const struct skli_device *device = device_find(spec, &argument);
	struct skli_netif *nif;

	if (!has_index_left(s)) {
		skli_fail_text(EMFILE, "a stack has at most %d interfaces",
			       INTERFACES_MAX);
		return NULL;
	}
	if (!device) {
		skli_fail_text(EINVAL,
			       "'%s': no such device; there are tap, fd, unix, "
			       "passt and wire",
			       spec);
		return NULL;
	}
	nif = skli_arena_calloc(&s->arena, 1, sizeof(*nif));
	if (!nif) {
		skli_fail(ENOMEM);
		return NULL;
	}
	nif->stack = s;
	nif->device = device;
	nif->fd = -1;
	nif->offload = offload;
	snprintf(nif->name, sizeof(nif->name), "%s%u", device->name,
		 (unsigned)s->driver.fd_count);
	if (!netif_add(&nif->lwip, NULL, NULL, NULL, nif, lwip_init_netif,
		       ethernet_input)) {
		skli_fail(ENOMEM);
		goto release;
	}
	mac_draw(nif);
	if (device->open(nif, argument))
		goto remove;
	if (netif_attach(nif))
		goto close;
	return nif;

close:
	nif->device->close(nif); /* fd: may have become a TAP */
remove:
	netif_remove(&nif->lwip);
release:
	skli_arena_free(&s->arena, nif);
	return NULL;
}

static void list_remove(struct skli_netif *nif)
{
	struct skli_netif **at = &nif->stack->netifs;

	while (*at && *at != nif)
		at = &(*at)->next;
	if (*at)
		*at = nif->next;
	at = &nif->stack->dirty;
	while (*at && *at != nif)
		at = &(*at)->dirty_next;
	if (*at)
		*at = nif->dirty_next;
}

void skli_netif_close(struct skli_netif *nif)
{
	skli_netif_flush(nif);
	if (nif->fd >= 0 && !nif->gone)
		skli_driver_unwatch(nif->stack, nif);
	netif_remove(&nif->lwip);
	list_remove(nif);
	skli_gso_clear(&nif->queue);
	if (nif->device->close)
		nif->device->close(nif);
	skli_capture_release(nif->capture);
	skli_arena_free(&nif->stack->arena, nif);
}

struct skli_netif *skli_netif_find(struct skl_stack *s, const char *name)
{
	struct skli_netif *nif = s->netifs;

	while (nif && strcmp(nif->name, name))
		nif = nif->next;
	return nif;
}
