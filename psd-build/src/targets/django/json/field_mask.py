    def to_dict(self, casing=betterproto.Casing.CAMEL, include_default_values=False):
        return ",".join(
            ".".join(betterproto.Casing.CAMEL(part) for part in path.split("."))
            for path in self.paths or ()
        )

    def from_dict(self, value):
        self.paths = [
            ".".join(betterproto.Casing.SNAKE(part) for part in path.split("."))
            for path in value.split(",")
            if path
        ]
        return self
