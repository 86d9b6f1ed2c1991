/* SPDX-License-Identifier: BSD-3-Clause */
/* The file: never over another one unless that is asked for, and always one that can be read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder_impl.h"

#define HEADER_BYTES 24
#define BUFFER_BYTES (256 << 10)
#define NS_IN_S	     1000000000

/* Packets are other people's: for weir's user alone. */
int pcap_file_open(struct pcap_file *f, const char *path, bool overwrites)
{
	*f = (struct pcap_file){.is_new = true};
	f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0 && errno == EEXIST && overwrites) {
		f->is_new = false;
		f->fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);	/* a FIFO must not hold us */
	}
	if (f->fd < 0)
		return errno;
	if (fstat(f->fd, &f->stat) == 0 && S_ISREG(f->stat.st_mode))
		return 0;
	close(f->fd);
	return EINVAL;
}

void pcap_file_undo(struct pcap_file *f, const char *path)
{
	close(f->fd);
	if (f->is_new)
		unlink(path);
}

/* A stream of its own number: the other one stays for what must be done when that fails. */
static FILE *stream_of(int fd)
{
	int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *stream = other < 0 ? NULL : fdopen(other, "w");

	if (stream == NULL && other >= 0)
		close(other);
	else if (stream != NULL)
		(void)setvbuf(stream, NULL, _IOFBF, BUFFER_BYTES);
	return stream;
}

/* stdio says later only that there was one. */
static void note_error(struct pcap_file *f, bool has_failed)
{
	if (has_failed && f->error == 0)
		f->error = errno != 0 ? errno : EIO;
}

int pcap_file_begin(struct pcap_file *f, uint32_t snap_bytes)
{
	FILE *stream = stream_of(f->fd);
	int rc;

	if (stream == NULL)
		return errno;
	f->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, (int)snap_bytes, PCAP_TSTAMP_PRECISION_NANO);
	if (f->pcap == NULL || ftruncate(f->fd, 0) != 0) {
		rc = f->pcap == NULL ? ENOMEM : errno;
		fclose(stream);
	} else {
		f->dumper = pcap_dump_fopen(f->pcap, stream);	/* the stream is its own now, also where it fails */
		f->bytes = HEADER_BYTES;
		rc = f->dumper == NULL ? EIO : pcap_file_flush(f);
	}
	if (rc == 0)
		return 0;
	if (f->dumper != NULL)
		pcap_dump_close(f->dumper);
	if (f->pcap != NULL)
		pcap_close(f->pcap);
	f->dumper = NULL;
	return rc;
}

void pcap_file_add(struct pcap_file *f, const struct capture_record *rec, uint64_t real_ns)
{
	struct pcap_pkthdr h = {
		.ts = {.tv_sec = (time_t)(real_ns / NS_IN_S), .tv_usec = (suseconds_t)(real_ns % NS_IN_S)},	/* ns: see above */
		.caplen = rec->kept_bytes,
		.len = rec->bytes,
	};

	errno = 0;
	pcap_dump((u_char *)f->dumper, &h, (const u_char *)(rec + 1));
	note_error(f, ferror(pcap_dump_file(f->dumper)) != 0);
	f->bytes += pcap_file_size_of(rec);
}

int pcap_file_flush(struct pcap_file *f)
{
	errno = 0;
	note_error(f, pcap_dump_flush(f->dumper) != 0 || ferror(pcap_dump_file(f->dumper)) != 0);
	if (f->error == 0)
		f->whole_bytes = f->bytes;
	return f->error;
}

int pcap_file_close(struct pcap_file *f)
{
	int rc = pcap_file_flush(f);

	pcap_dump_close(f->dumper);
	pcap_close(f->pcap);
	/* What a full disk took of a packet's first part is taken away again; a file is read as far as it is whole anyhow. */
	if (rc != 0 && ftruncate(f->fd, (off_t)f->whole_bytes) != 0)
		f->whole_bytes = f->bytes;
	close(f->fd);
	return rc;
}
