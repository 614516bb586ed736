/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockling/socket.h: Python's socket module in C, on a TCP/IP stack in this
 * process.
 *
 * Each call reads like the Python line that it stands for and keeps its
 * meaning (https://docs.python.org/3/library/socket.html); the numbers are
 * Linux's.  These rules hold for all of them:
 *
 * - Failure is -1 (or NULL); errno is set, and skl_error() tells what Python
 *   would have raised.  Success leaves both alone.
 * - Timeouts are seconds in a double.  SKL_FOREVER is Python's None,
 *   SKL_DEFAULT the default timeout, 0.0 non-blocking; NaN or another negative
 *   number is a ValueError (EINVAL).
 * - A socket may be used by several threads at once.  After skl_close() its
 *   handle is dead: every call on it gives EBADF, and so does a call that
 *   another thread was waiting in.  A dead handle is never mistaken for a
 *   newer socket.
 * - A signal that interrupts a wait ends it with EINTR (data that was already
 *   moved counts as success).
 * - Nothing raises SIGPIPE, prints, exits or aborts.
 * - Every call on a socket may also fail with
 *     EBADF     closed, or not a socket
 *     ENETDOWN  its stack was closed, failed, or belongs to a parent process
 *     ENOMEM    no memory
 *   which the lists below do not repeat.
 */
#ifndef SOCKLING_SOCKET_H
#define SOCKLING_SOCKET_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKL_API __attribute__((visibility("default")))

/* A socket.  Opaque: a handle with a generation, not an address. */
typedef struct skl_sock skl_sock;

/* ---- Errors ------------------------------------------------------------ */

/* The exception that Python would have raised. */
enum skl_error_class {
	SKL_NO_ERROR,
	SKL_OSERROR,  /* code: an errno value */
	SKL_TIMEOUT,  /* socket.timeout; code ETIMEDOUT */
	SKL_HERROR,   /* socket.herror; code: h_errno's */
	SKL_GAIERROR, /* socket.gaierror; code: EAI_* */
	SKL_VALUEERROR,
	SKL_TYPEERROR,
	SKL_OVERFLOWERROR,
};

/* What the last failed call of this thread met. */
struct skl_error {
	enum skl_error_class kind;
	int code;         /* errno, EAI_* or h_errno, as the kind says */
	const char *text; /* one line, which names the fix where there is one */
};

/*
 * The error of this thread's last failed call.  Never NULL; the contents last
 * until the thread's next call into the library.
 */
SKL_API const struct skl_error *skl_error(void);

/* Python's name of an error class: "OSError", "timeout", "gaierror", ... */
SKL_API const char *skl_error_name(enum skl_error_class kind);

/* ---- Addresses --------------------------------------------------------- */

/* The longest form that skl_addr_format() writes, with its NUL. */
#define SKL_ADDRSTRLEN 80

/*
 * Python's address tuple as a value.  Build one with skl_inet() and its kin;
 * addresses that calls give back are binary.  A name is resolved by the call
 * that uses it, in the socket's family; the string must live until then.
 */
typedef struct skl_addr {
	int family;    /* AF_INET, AF_INET6; AF_UNSPEC: by what name holds */
	uint16_t port; /* host order */
	bool bad_port; /* the port given was outside 0..65535 */
	uint32_t flowinfo; /* AF_INET6, host order */
	uint32_t scope_id; /* AF_INET6 */
	const char *name;  /* a host as text, or NULL: ip holds it */
	uint8_t ip[16];    /* network order; AF_INET uses the first 4 */
} skl_addr;

/*
 * (host, port): "" or NULL is every address, "<broadcast>" is
 * 255.255.255.255, else a name or a numeric address of either family.
 * A port outside 0..65535 makes the call that uses it fail (OverflowError).
 */
SKL_API skl_addr skl_inet(const char *host, int port);

/* (host, port, flowinfo, scope_id), AF_INET6; "%interface" may end the host. */
SKL_API skl_addr skl_inet6(const char *host, int port, uint32_t flowinfo,
			   uint32_t scope_id);

/*
 * Writes the numeric host ("192.0.2.1", "fe80::1%tap0") of a binary address.
 * Returns buf, or NULL with ENOSPC (buf too small) or EAFNOSUPPORT.
 */
SKL_API const char *skl_addr_host(const skl_addr *a, char *buf, size_t size);

/* Writes "192.0.2.1:80" or "[2001:db8::1]:80"; returns as skl_addr_host(). */
SKL_API const char *skl_addr_format(const skl_addr *a, char *buf, size_t size);

/*
 * To and from the system's form.  to: returns the length written, or -1 with
 * EINVAL (a name, which has to be resolved first), EAFNOSUPPORT, ENOSPC.
 * from: 0, or -1 with EINVAL (too short) or EAFNOSUPPORT.
 */
SKL_API socklen_t skl_addr_to_sockaddr(const skl_addr *a, struct sockaddr *sa,
				       socklen_t size);
SKL_API int skl_addr_from_sockaddr(skl_addr *a, const struct sockaddr *sa,
				   socklen_t len);

/* ---- Timeouts ---------------------------------------------------------- */

#define SKL_FOREVER (-1.0) /* Python's None: blocking */
#define SKL_DEFAULT (-2.0) /* the default timeout */

/*
 * socket.getdefaulttimeout(), setdefaulttimeout(): what new sockets of this
 * process start with; SKL_FOREVER at first.  set: 0, or -1 with EINVAL.
 */
SKL_API double skl_getdefaulttimeout(void);
SKL_API int skl_setdefaulttimeout(double seconds);

/* ---- Making and ending sockets ----------------------------------------- */

/*
 * socket.socket(family, type, proto) on the thread's current stack (else the
 * default stack, which the first use opens, see sockling/stack.h).
 * family AF_INET or AF_INET6; type SOCK_STREAM or SOCK_DGRAM, SOCK_NONBLOCK
 * and SOCK_CLOEXEC may be or-ed in; proto 0, IPPROTO_TCP or IPPROTO_UDP.
 * Errors: EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT, ENFILE, and those
 * of skl_stack_open() where the default stack can't be opened.
 */
SKL_API skl_sock *skl_socket(int family, int type, int proto);

/*
 * socket.socket(fileno=fd): the socket that skl_detach() gave fd for.
 * Errors: EBADF (not open), ENOTSOCK (not one of ours).
 */
SKL_API skl_sock *skl_socket_fileno(int fd);

/*
 * socket.create_connection(): tries each address of the host in turn, with
 * the timeout for each, and gives back a connected socket with that timeout.
 * source may be NULL.  Errors: those of skl_connect() and skl_bind(), of the
 * last address tried; gaierror.
 */
SKL_API skl_sock *skl_create_connection(skl_addr address, double timeout,
					const skl_addr *source);

/* What skl_create_server() can be asked; zero is Python's default. */
struct skl_server_options {
	int family;          /* 0: AF_INET */
	int backlog;         /* 0: SKL_BACKLOG */
	bool reuse_port;     /* refused for now: ENOPROTOOPT */
	bool dualstack_ipv6; /* needs family AF_INET6, else a ValueError */
};

/*
 * socket.create_server(): a bound, listening socket with SO_REUSEADDR, and
 * IPV6_V6ONLY set unless dualstack_ipv6.  options may be NULL.
 * Errors: those of skl_socket(), skl_bind(), skl_listen().
 */
SKL_API skl_sock *skl_create_server(skl_addr address,
				    const struct skl_server_options *options);

/* socket.has_dualstack_ipv6(): true, on every stack. */
SKL_API bool skl_has_dualstack_ipv6(void);

/*
 * close(): the handle is dead afterwards, also where -1 is returned.  The
 * connection ends with the last handle: data still queued is sent and then a
 * FIN; a RST instead where received data was left unread (RFC 2525 2.17) or
 * SO_LINGER asks for one.  With SO_LINGER and a time it waits that long.
 */
SKL_API int skl_close(skl_sock *s);

/*
 * dup(): another handle on the same endpoint, with a timeout of its own.
 * Errors: ENFILE.
 */
SKL_API skl_sock *skl_dup(skl_sock *s);

/*
 * fileno(): a kernel descriptor that mirrors the socket's readiness for
 * select, poll and epoll (level and edge triggered; HUP, RDHUP and ERR as
 * Linux reports them).  It carries no data and belongs to the socket, which
 * closes it.  Made at the first call; later calls give the same number.
 * Errors: EMFILE, ENFILE.
 */
SKL_API int skl_fileno(skl_sock *s);

/*
 * detach(): the descriptor of skl_fileno(), which now belongs to the caller;
 * the handle is dead, the endpoint lives on until skl_socket_fileno() takes
 * the descriptor back (or the stack is closed: a plain close(2) of the
 * descriptor does not end it).  Errors: EMFILE, ENFILE.
 */
SKL_API int skl_detach(skl_sock *s);

/* ---- Connecting -------------------------------------------------------- */

/*
 * bind().  Errors: EINVAL (bound already, wrong family, or connected),
 * EADDRINUSE, EADDRNOTAVAIL (no such address on this stack; also gaierror),
 * EAFNOSUPPORT, OverflowError (port).
 */
SKL_API int skl_bind(skl_sock *s, skl_addr address);

/* listen() with no argument. */
#define SKL_BACKLOG 128

/*
 * listen(backlog): up to backlog + 1 connections wait for skl_accept(), as on
 * Linux; a negative one counts as 0, and SOMAXCONN (4096) is the most.
 * Errors: EINVAL (connected), EOPNOTSUPP (not SOCK_STREAM), EADDRINUSE.
 */
SKL_API int skl_listen(skl_sock *s, int backlog);

/*
 * accept(): the new socket is blocking where the default timeout is
 * SKL_FOREVER, whatever the listener's mode, as Python has it.  peer may be
 * NULL.  Errors: EAGAIN or ETIMEDOUT (mode), EINVAL (not listening),
 * EOPNOTSUPP, EINTR, ENFILE.
 */
SKL_API skl_sock *skl_accept(skl_sock *s, skl_addr *peer);

/*
 * connect().  For SOCK_DGRAM: sets the peer (family AF_UNSPEC and no name:
 * none again).  Errors: EINPROGRESS (non-blocking: poll for writing, then
 * SO_ERROR), EALREADY, EISCONN, ECONNREFUSED, ETIMEDOUT (the mode's timeout,
 * class SKL_TIMEOUT, or TCP's), ENETUNREACH (no route), EHOSTUNREACH,
 * ECONNRESET, EADDRNOTAVAIL (no port left; gaierror), EAFNOSUPPORT, EACCES
 * (broadcast without SO_BROADCAST), EINTR, OverflowError.
 */
SKL_API int skl_connect(skl_sock *s, skl_addr address);

/* connect_ex(): 0, or the error number; a name error still gives -1. */
SKL_API int skl_connect_ex(skl_sock *s, skl_addr address);

/*
 * shutdown(SHUT_RD, SHUT_WR or SHUT_RDWR).
 * Errors: ENOTCONN, EINVAL (how).
 */
SKL_API int skl_shutdown(skl_sock *s, int how);

/* getsockname(), getpeername().  Errors: ENOTCONN (peer). */
SKL_API int skl_getsockname(skl_sock *s, skl_addr *address);
SKL_API int skl_getpeername(skl_sock *s, skl_addr *address);

/* ---- Data -------------------------------------------------------------- */

/*
 * recv(): the bytes received, 0 at the end of a stream.  A datagram that is
 * longer than size loses its rest.  flags: MSG_PEEK, MSG_DONTWAIT.
 * Errors: EAGAIN or ETIMEDOUT (mode), ENOTCONN, ECONNRESET, ECONNREFUSED,
 * EHOSTUNREACH, ENETUNREACH (ICMP), EINTR, EOPNOTSUPP (flags).
 */
SKL_API ssize_t skl_recv(skl_sock *s, void *buf, size_t size, int flags);

/* recv_into(): nbytes of buf, or all of it where nbytes is 0; ValueError. */
SKL_API ssize_t skl_recv_into(skl_sock *s, void *buf, size_t size,
			      size_t nbytes, int flags);

/* recvfrom(), recvfrom_into(): and who sent it; from may be NULL. */
SKL_API ssize_t skl_recvfrom(skl_sock *s, void *buf, size_t size, int flags,
			     skl_addr *from);
SKL_API ssize_t skl_recvfrom_into(skl_sock *s, void *buf, size_t size,
				  size_t nbytes, int flags, skl_addr *from);

/*
 * send(): the bytes taken, which may be fewer.  flags: MSG_DONTWAIT,
 * MSG_NOSIGNAL (which always holds).  Errors: EAGAIN or ETIMEDOUT (mode),
 * EPIPE (shut down, or the peer is gone), ECONNRESET, ENOTCONN,
 * EDESTADDRREQ, EMSGSIZE (datagram), ECONNREFUSED, EHOSTUNREACH,
 * ENETUNREACH, EINTR, EOPNOTSUPP (flags).
 */
SKL_API ssize_t skl_send(skl_sock *s, const void *buf, size_t len, int flags);

/*
 * sendall(): 0 when all is taken.  The timeout holds for the whole call.
 * On an error there is no telling how much was sent, as in Python.
 */
SKL_API int skl_sendall(skl_sock *s, const void *buf, size_t len, int flags);

/* sendto(): errors also those of skl_connect() for an address. */
SKL_API ssize_t skl_sendto(skl_sock *s, const void *buf, size_t len, int flags,
			   skl_addr to);

/* ---- Mode and options -------------------------------------------------- */

/*
 * settimeout(): SKL_FOREVER blocks, 0.0 makes the socket non-blocking,
 * else seconds.  Errors: EINVAL (ValueError: negative or NaN).
 */
SKL_API int skl_settimeout(skl_sock *s, double seconds);

/* gettimeout(): seconds, 0.0, SKL_FOREVER; SKL_DEFAULT on an error. */
SKL_API double skl_gettimeout(skl_sock *s);

/* setblocking(), getblocking(): getblocking gives 1, 0 or -1. */
SKL_API int skl_setblocking(skl_sock *s, bool blocking);
SKL_API int skl_getblocking(skl_sock *s);

/*
 * setsockopt() with an integer and with a buffer; getsockopt() likewise.
 * SOL_SOCKET: SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_LINGER (buffer),
 * SO_RCVBUF, SO_SNDBUF, SO_ERROR, SO_TYPE, SO_DOMAIN, SO_PROTOCOL,
 * SO_ACCEPTCONN.  IPPROTO_TCP: TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL,
 * TCP_KEEPCNT, TCP_MAXSEG (get).  IPPROTO_IP: IP_TTL, IP_TOS.
 * IPPROTO_IPV6: IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_TCLASS.
 * SO_RCVBUF and SO_SNDBUF read back as twice what was set, as on Linux.
 * Errors: ENOPROTOOPT (unknown, or not settable), EINVAL (value or length).
 */
SKL_API int skl_setsockopt(skl_sock *s, int level, int option, int value);
SKL_API int skl_setsockopt_buf(skl_sock *s, int level, int option,
			       const void *value, size_t len);
SKL_API int skl_getsockopt(skl_sock *s, int level, int option, int *value);
SKL_API int skl_getsockopt_buf(skl_sock *s, int level, int option, void *value,
			       size_t *len);

/* The attributes family, type and proto; -1 on an error. */
SKL_API int skl_family(skl_sock *s);
SKL_API int skl_type(skl_sock *s);
SKL_API int skl_proto(skl_sock *s);

/* ---- Waiting for several ----------------------------------------------- */

/* One entry for skl_poll(): a socket, or a kernel descriptor if sock is NULL */
struct skl_pollfd {
	skl_sock *sock;
	int fd; /* used where sock is NULL; a negative one is passed over */
	short events;  /* POLLIN, POLLOUT, POLLPRI, POLLRDHUP of <poll.h> */
	short revents; /* also POLLERR, POLLHUP, POLLNVAL */
};

/*
 * poll() over sockets of any stacks and kernel descriptors together.
 * Returns how many entries have revents, 0 after timeout seconds
 * (SKL_FOREVER: no limit).  Errors: EINTR, EINVAL (timeout), ENOMEM.
 */
SKL_API int skl_poll(struct skl_pollfd *fds, size_t count, double timeout);

/* ---- Numbers and text -------------------------------------------------- */

/*
 * htonl() and kin: like Python's, they refuse what does not fit: -1 with
 * EOVERFLOW (OverflowError).
 */
SKL_API int64_t skl_htonl(int64_t x);
SKL_API int64_t skl_ntohl(int64_t x);
SKL_API int32_t skl_htons(int64_t x);
SKL_API int32_t skl_ntohs(int64_t x);

/*
 * inet_aton() takes 1 to 4 parts ("127.1") in decimal, octal or hex; packed
 * is in network order.  inet_pton(): AF_INET (4 bytes), AF_INET6 (16).
 * 0, or -1 with EINVAL (OSError: illegal IP address string) or EAFNOSUPPORT.
 */
SKL_API int skl_inet_aton(const char *text, uint8_t packed[4]);
SKL_API int skl_inet_pton(int family, const char *text, void *packed);

/*
 * inet_ntoa(), inet_ntop(): len is that of packed; a wrong one is a
 * ValueError (EINVAL).  Return buf, or NULL (also ENOSPC, EAFNOSUPPORT).
 */
SKL_API const char *skl_inet_ntoa(const void *packed, size_t len, char *buf,
				  size_t size);
SKL_API const char *skl_inet_ntop(int family, const void *packed, size_t len,
				  char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
