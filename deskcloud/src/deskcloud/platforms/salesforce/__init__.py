"""Serve Salesforce Marketing Cloud's APIs for rows of data extensions (REST and SOAP) and transactional e-mail."""

from deskcloud.platforms.salesforce.messages import Messages
from deskcloud.platforms.salesforce.routes import REFUSALS, TOKEN_PATH, Parts, create_app
from deskcloud.platforms.salesforce.rows import Rows
from deskcloud.platforms.salesforce.tokens import Client, Tokens

__all__ = ["REFUSALS", "TOKEN_PATH", "Client", "Messages", "Parts", "Rows", "Tokens", "create_app"]
