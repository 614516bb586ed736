/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the demo prints: colours and a moving bar on a terminal, plain lines
 * elsewhere and with NO_COLOR (https://no-color.org) or TERM=dumb.
 */
#ifndef DEMO_SCREEN_H
#define DEMO_SCREEN_H

#include "demo.h"

enum paint {
	PLAIN,
	BOLD,
	DIM,
	GREEN,
	YELLOW,
};

void screen_init(void);

/* The sequence that begins a colour, "" where there are none. */
const char *screen_paint(enum paint paint);

/* How many headings others have printed before. */
void screen_count(unsigned headings);

/* A numbered heading, and the lines below it. */
__attribute__((format(printf, 1, 2))) void screen_step(const char *format, ...);
__attribute__((format(printf, 1, 2))) void screen_say(const char *format, ...);

/* A command as it would be typed. */
__attribute__((format(printf, 1, 2))) void screen_command(const char *format,
							  ...);

/* What someone else said, each line behind a bar. */
void screen_quote(const char *text);

/* What was refused, why, and what would allow it. */
void screen_refusal(const struct refusal *refusal);

/* What went wrong, on stderr. */
__attribute__((format(printf, 1, 2))) void screen_trouble(const char *format,
							  ...);

/*
 * How far a transfer is; last: it is over, and the line stays. Where nothing
 * can be overwritten only the last one is printed.
 */
void screen_bar(const char *label, const struct transfer *transfer, bool last);

#endif
