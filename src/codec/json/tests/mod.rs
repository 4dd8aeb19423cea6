mod drive;
mod edit;
mod frames;
mod scan;
mod validate;
