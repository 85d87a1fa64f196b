"""How the web server runs; WEB_CONCURRENCY sets the number of processes."""

import os
import shutil
import tempfile

from app import logs

# Where the processes share their metrics; set before prometheus_client is imported.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="prometheus-"))

bind = "0.0.0.0:8000"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "uvicorn_worker.UvicornWorker"
worker_tmp_dir = "/dev/shm"
preload_app = True
control_socket_disable = True
graceful_timeout = 30
keepalive = 75  # longer than Nginx keeps its side open, so that Nginx closes first
forwarded_allow_ips = "*"  # only Nginx reaches this port
logconfig_dict = logs.config(os.environ.get("LOG_LEVEL", "INFO"))


def child_exit(server, worker):
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server):
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
