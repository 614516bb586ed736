/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines, colours and the bar, see screen.h. */
#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So that a line fits 80 columns. */
#define BAR_WIDTH 20

static bool moving, coloured;
static unsigned steps;

void screen_init(void)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	setvbuf(stdout, NULL, _IOLBF, 0);
	moving = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	coloured = moving && !(no_color && *no_color);
}

const char *screen_paint(enum paint paint)
{
	static const char *const codes[] = {
		[PLAIN] = "\033[0m",  [BOLD] = "\033[1m",    [DIM] = "\033[2m",
		[GREEN] = "\033[32m", [YELLOW] = "\033[33m",
	};

	return coloured ? codes[paint] : "";
}

static void print_painted(const char *before, enum paint paint,
			  const char *format, va_list args)
{
	fputs(before, stdout);
	fputs(screen_paint(paint), stdout);
	vprintf(format, args);
	printf("%s\n", screen_paint(PLAIN));
}

void screen_count(unsigned headings)
{
	steps = headings;
}

void screen_step(const char *format, ...)
{
	char number[16];
	va_list args;

	snprintf(number, sizeof(number), "\n%u  ", ++steps);
	va_start(args, format);
	print_painted(number, BOLD, format, args);
	va_end(args);
}

void screen_say(const char *format, ...)
{
	va_list args;

	fputs("   ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void screen_command(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_painted("   $ ", BOLD, format, args);
	va_end(args);
}

void screen_quote(const char *text)
{
	while (*text) {
		int len = (int)strcspn(text, "\r\n");

		printf("   %s| %.*s%s\n", screen_paint(DIM), len, text,
		       screen_paint(PLAIN));
		text += len;
		text += *text == '\r';
		text += *text == '\n';
	}
}

void screen_refusal(const struct refusal *r)
{
	printf("   %srefused: %s%s\n", screen_paint(YELLOW), r->what,
	       screen_paint(PLAIN));
	screen_say("because  %s", r->why);
	screen_say("allow it %s%s%s", screen_paint(BOLD), r->line,
		   screen_paint(PLAIN));
}

void screen_trouble(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("demo: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void bar_fill(char bar[BAR_WIDTH + 1], double part)
{
	int full = (int)(part * BAR_WIDTH + 0.5);

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)(full < BAR_WIDTH ? full : BAR_WIDTH));
	bar[BAR_WIDTH] = '\0';
}

void screen_bar(const char *label, const struct transfer *t, bool last)
{
	char bar[BAR_WIDTH + 1];

	if (!last && !moving)
		return;
	bar_fill(bar, t->bytes / transfer_bytes);
	printf("%s   %-21s [%s] %4.0f MB %5.2f s %s%6.2f Gbit/s%s%s",
	       moving ? "\r" : "", label, bar, t->bytes / 1e6, t->seconds,
	       screen_paint(GREEN),
	       t->seconds > 0 ? t->bytes * 8e-9 / t->seconds : 0.0,
	       screen_paint(PLAIN), last ? "\n" : "");
	fflush(stdout);
}
