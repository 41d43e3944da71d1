"""The Celery app and its tasks: thin glue that moves a recording through its states.

Which layer retries what: Celery retries nothing. A task that fails leaves a row that says when to try next,
and the periodic ``reconcile`` finds every row that is due and enqueues it. A message is only a hint that
there may be work; doing one twice, or losing all of them, changes nothing.
"""
