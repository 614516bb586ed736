/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP clients, see client.h. */
#include "client.h"

#include "process.h"
#include "screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX 65536

const char *client_url(const struct place *place, char url[80])
{
	bool ipv6 = strchr(place->host, ':') != NULL;
	char port[16] = "";

	if (place->port != 80)
		snprintf(port, sizeof(port), ":%d", place->port);
	snprintf(url, 80, "http://%s%s%s%s/", ipv6 ? "[" : "", place->host,
		 ipv6 ? "]" : "", port);
	return url;
}

/* The value of a line of the header, into a buffer. */
static void header_find(const char *head, const char *name, char *value,
			size_t size)
{
	const char *at = strstr(head, name);

	value[0] = '\0';
	if (!at)
		return;
	at += strlen(name);
	snprintf(value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

/* Takes an answer apart. 0, or -1: it is not a whole page. */
static int answer_read(const char *answer, size_t len, struct visit *v)
{
	const char *body = strstr(answer, "\r\n\r\n");
	char promised[32];

	if (!body || strncmp(answer, "HTTP/1.", 7) != 0)
		return -1;
	v->status = (int)strtol(answer + strcspn(answer, " "), NULL, 10);
	snprintf(v->head, sizeof(v->head), "%.*s", (int)(body - answer),
		 answer);
	header_find(v->head, "Content-Length: ", promised, sizeof(promised));
	body += 4;
	v->bytes = len - (size_t)(body - answer);
	if (v->status != 200 || v->bytes != strtoul(promised, NULL, 10) ||
	    !strstr(body, "</html>"))
		return -1;
	v->done = true;
	return 0;
}

/* ---- With sockling ----------------------------------------------------- */

static ssize_t receive_all(skl_sock *s, char *data, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = skl_recv(s, data + len, size - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	data[len] = '\0';
	return n < 0 ? -1 : (ssize_t)len;
}

static ssize_t exchange(skl_sock *s, const struct place *place, char *answer)
{
	char request[160];
	int n = snprintf(request, sizeof(request),
			 "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", place->host);

	if (skl_sendall(s, request, (size_t)n, 0))
		return -1;
	return receive_all(s, answer, ANSWER_MAX);
}

int client_fetch(const struct place *place, struct visit *v)
{
	static char answer[ANSWER_MAX];
	double start = process_clock();
	ssize_t len = -1;
	skl_sock *s = skl_create_connection(skl_inet(place->host, place->port),
					    PATIENCE, NULL);

	if (s) {
		len = exchange(s, place, answer);
		v->seconds = process_clock() - start;
	}
	if (len < 0)
		screen_trouble("%s port %d: %s", place->host, place->port,
			       skl_error()->text);
	skl_close(s);
	if (len < 0)
		return -1;
	if (answer_read(answer, (size_t)len, v)) {
		screen_trouble("%s port %d did not send the whole page",
			       place->host, place->port);
		return -1;
	}
	return 0;
}

/* ---- With curl --------------------------------------------------------- */

/* What --write-out adds behind the page. */
static int seconds_read(char *answer, double *seconds)
{
	char *mark = strrchr(answer, '#');

	char *end;

	if (!mark)
		return -1;
	*seconds = strtod(mark + 1, &end);
	if (end == mark + 1)
		return -1;
	*mark = '\0';
	return 0;
}

int client_curl(struct scene *scene, const struct place *page, struct visit *v)
{
	static char answer[ANSWER_MAX];
	char url[80];
	const char *argv[] = {"curl",
			      "--silent",
			      "--show-error",
			      "--noproxy",
			      "*",
			      "--max-time",
			      "10",
			      "--include",
			      "--write-out",
			      "#%{time_total}",
			      client_url(page, url),
			      NULL};
	int status;

	(void)scene;
	screen_command("curl --include %s", url);
	status = process_run(argv, 2 * PATIENCE, answer, sizeof(answer));
	if (status || seconds_read(answer, &v->seconds) ||
	    answer_read(answer, strlen(answer), v)) {
		screen_trouble("curl (status %d) said: %.400s", status, answer);
		return -1;
	}
	return 0;
}
