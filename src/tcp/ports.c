/* SPDX-License-Identifier: BSD-3-Clause */
/* Choosing ephemeral ports, see tcp/ports.h. */
#include "tcp/ports.h"

#include "stack/random.h"

/* Linux's ip_local_port_range. */
#define PORT_FIRST 32768U
#define PORT_LAST  60999U
#define PORT_COUNT (PORT_LAST - PORT_FIRST + 1)

void skli_port_draw_start(struct skli_port_draw *d, struct skli_random *r)
{
	d->next = (uint16_t)(PORT_FIRST + skli_random_below(r, PORT_COUNT));
	d->left = PORT_COUNT;
}

bool skli_port_draw(struct skli_port_draw *d, uint16_t *port)
{
	if (!d->left)
		return false;
	d->left--;
	*port = d->next;
	if (d->next++ == PORT_LAST)
		d->next = PORT_FIRST;
	return true;
}
